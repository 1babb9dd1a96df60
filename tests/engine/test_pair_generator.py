from __future__ import annotations

import contextlib
import dataclasses

import numpy as np
import pytest
import torch

from mmseg_gen.engine.pair_generator import DiffusionPairGenerator
from mmseg_gen.engine.planning import Sample
from mmseg_gen.engine.seeding import sample_rng
from mmseg_gen.engine.settings import EvidenceSettings, SynthesisSettings
from mmseg_gen.engine.synthesis import synthesize
from mmseg_gen.errors import UserError
from mmseg_gen.functional.manifest import read_manifest
from mmseg_gen.generators.clip_prior import ClipPrior
from tests.tiny_models import save_tiny, tiny_parts, tiny_pipeline

SAMPLES = [Sample(0, 'cat', 'a photo of a cat', 11), Sample(1, 'potted plant', 'a potted plant', 2**62 + 1)]


def tiny_generator(**changes):
    settings = dict(steps=2, guidance=3.0, evidence=EvidenceSettings(top_k=2, num_seeds=4))
    return DiffusionPairGenerator(tiny_parts(clip=True), **{**settings, **changes})


def test_the_image_is_what_diffusers_makes_of_the_same_noise():
    generator = tiny_generator()
    sample = SAMPLES[0]
    noise = sample_rng(sample.seed, 'noise').standard_normal((1, 4, 8, 8), dtype=np.float32)
    pipeline = tiny_pipeline(generator.parts)
    expected = pipeline(
        sample.prompt,
        num_inference_steps=2,
        guidance_scale=3.0,
        latents=torch.from_numpy(noise),
        output_type='np',
        eta=0,
    ).images[0]
    image = generator.generate([sample])[0].image
    assert image.dtype == np.uint8
    assert image.shape == (16, 16, 3)
    assert np.abs(image - expected * 255).max() <= 1.01


def test_a_pair_does_not_depend_on_its_batch():
    together = tiny_generator().generate(SAMPLES)
    for sample, pair in zip(SAMPLES, together, strict=True):
        alone = tiny_generator().generate([sample])[0]
        assert np.abs(alone.image.astype(int) - pair.image).max() <= 1
        for field in ('cross', 'deviation', 'affinity'):
            np.testing.assert_allclose(
                getattr(alone.evidence, field), getattr(pair.evidence, field), rtol=1e-3, atol=1e-5
            )


def test_sizes_need_not_be_square():
    pair = tiny_generator(size=(12, 20)).generate(SAMPLES[:1])[0]
    assert pair.image.shape == (12, 20, 3)
    assert pair.evidence.cross.shape[1:] == (6, 10)
    with pytest.raises(UserError, match='multiples of 2 pixels, but got 13 x 20'):
        tiny_generator(size=(13, 20))


def test_attention_of_chosen_steps_and_grids_leaves_the_image_alone():
    whole = tiny_generator().generate(SAMPLES[:1])[0]
    first = tiny_generator(evidence=EvidenceSettings(num_seeds=4, every=2)).generate(SAMPLES[:1])[0]
    coarse = tiny_generator(evidence=EvidenceSettings(num_seeds=4, max_self_side=4)).generate(SAMPLES[:1])[0]
    assert np.abs(first.image.astype(int) - whole.image).max() <= 1
    assert np.abs(coarse.image.astype(int) - whole.image).max() <= 1
    assert np.abs(first.evidence.cross - whole.evidence.cross).max() > 1e-5
    np.testing.assert_allclose(coarse.evidence.cross, whole.evidence.cross, rtol=1e-3, atol=1e-6)
    assert np.abs(coarse.evidence.affinity - whole.evidence.affinity).max() > 1e-3


@pytest.mark.parametrize('wrong', [dict(every=0), dict(every=None), dict(max_self_side=0), dict(every=1.5)])
def test_steps_and_sides_out_of_range_are_refused(wrong):
    with pytest.raises(UserError, match=f'synthesis.evidence.{next(iter(wrong))}` to be an integer >= 1'):
        EvidenceSettings(**wrong)


def test_clip_gives_the_probability_of_the_samples_class():
    generator = tiny_generator()
    assert generator.generate(SAMPLES[:1])[0].clip_probability is None
    names = ['cat', 'potted plant', 'dog']
    prior = ClipPrior(generator.parts.clip, names)
    pairs = tiny_generator(prior=prior).generate(SAMPLES)
    for sample, pair in zip(SAMPLES, pairs, strict=True):
        pixels = torch.from_numpy(pair.image / 127.5 - 1).permute(2, 0, 1)[None].float()
        expected = prior.probabilities(pixels)[0, names.index(sample.class_name)].item()
        assert pair.clip_probability == pytest.approx(expected, abs=0.02)


def test_a_prompt_without_its_class_stops_the_run():
    with pytest.raises(UserError, match='cat'):
        tiny_generator().generate([dataclasses.replace(SAMPLES[0], prompt='a photo')])


def test_broken_weights_are_an_error_of_the_sample():
    generator = tiny_generator()
    with torch.no_grad():
        next(generator.parts.unet.parameters()).fill_(float('nan'))
    with pytest.raises(ValueError, match=r'finite|NaN'):
        generator.generate(SAMPLES)


def test_the_fingerprint_tells_weights_apart():
    prints = [DiffusionPairGenerator(tiny_parts(seed=seed)).describe() for seed in (0, 0, 1)]
    assert prints[0] == prints[1] != prints[2]


def test_classes_that_the_tokenizer_spells_letter_by_letter_are_logged(caplog):
    DiffusionPairGenerator.from_settings(SynthesisSettings(device='cpu'), ['car', 'zebra', 'red dog'])
    assert [record.getMessage() for record in caplog.records if 'letter by letter' in record.getMessage()] == [
        "embedded spells 'zebra' letter by letter; it may not know the word."
    ]


def test_clip_is_required_where_the_filter_asks_for_it(tmp_path):
    folder = save_tiny(tmp_path / 'tiny', tiny_parts())
    settings = SynthesisSettings.from_dict({'generator': str(folder), 'filter': {'clip_threshold': 0.5}})
    with pytest.raises(UserError, match='clip_threshold'):
        DiffusionPairGenerator.from_settings(settings, ['cat'])


def test_a_folder_of_tiny_models_gives_a_data_set(tmp_path):
    folder = save_tiny(tmp_path / 'tiny')
    config = dict(
        generator=str(folder), classes=['cat', 'dog'], template='a photo of a {class}', num_samples=3,
        steps=2, batch_size=2, first_batch=1, evidence=dict(top_k=2, num_seeds=4),
        labeller=dict(type='AttentionCutLabel', top_k=2), filter=dict(clip_threshold=0.0),
    )  # fmt: skip
    # Random models may give nothing but empty masks, which are recorded all the same.
    with contextlib.suppress(UserError):
        synthesize({'synthesis': config}, tmp_path / 'set')
    entries = read_manifest(tmp_path / 'set')
    assert [e.class_name for e in entries] == ['cat', 'dog', 'cat']
    for entry in entries:
        assert set(entry.files) == {'image', 'evidence', 'mask'}
        assert 0 <= entry.measures['clip'] <= 1
