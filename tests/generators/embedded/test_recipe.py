import argparse
import csv
import json
import shutil

import cv2
import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from transformers import CLIPModel, CLIPTextModel, CLIPTokenizer

from mmseg_gen.errors import UserError
from mmseg_gen.generators.embedded import recipe
from mmseg_gen.generators.embedded.architecture import CAPTION_WORDS, build_tokenizer
from mmseg_gen.generators.embedded.corpus import photo_corpus, scene_corpus
from mmseg_gen.generators.embedded.recipe import export_pipeline, train_embedded
from mmseg_gen.generators.embedded.stages import velocity_weight
from mmseg_gen.generators.embedded.training import LoopSettings, TrainingLoop, learning_rate_factor


def _arguments(folder, **changes):
    settings = dict(
        work_dir=folder, data=None, scenes=48, stages=['vae', 'clip', 'clip_vision', 'unet'],
        vae_steps=24, clip_steps=12, unet_steps=24, clip_vision_steps=4,
        unet_minutes=None, batch=8, device='cpu', compile=False, init=None, export=None,
    )  # fmt: skip
    return argparse.Namespace(**{**settings, **changes})


@pytest.fixture(scope='module')
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp('embedded')
    return folder, train_embedded(_arguments(folder))


def test_short_run_learns(trained, monkeypatch):
    folder, _ = trained
    state = torch.load(folder / 'vae' / 'state.pt', weights_only=True)
    assert state['step'] == 24
    # The smoothed loss starts at the first step's value (above 1.2 for an untrained autoencoder) and falls.
    assert state['smoothed'] < 1.0


def test_samples_of_the_most_frequent_captions_are_drawn(trained):
    assert cv2.imread(str(trained[0] / 'samples.png')).shape == (10 * 64, 4 * 64, 3)


def test_result_loads_as_a_stable_diffusion_pipeline_and_samples(trained):
    from diffusers import StableDiffusionPipeline

    pipeline = StableDiffusionPipeline.from_pretrained(trained[1], safety_checker=None, use_safetensors=True)
    pipeline.set_progress_bar_config(disable=True)
    image = pipeline('a photo of a red car', num_inference_steps=2, height=64, width=64, output_type='np').images
    assert image.shape == (1, 64, 64, 3)
    assert np.isfinite(image).all()


def test_clip_and_its_text_encoder_agree(trained):
    ids = CLIPTokenizer.from_pretrained(trained[1] / 'tokenizer')(['a photo of a dog'], return_tensors='pt').input_ids
    clip, text = (
        CLIPModel.from_pretrained(trained[1] / 'clip'),
        CLIPTextModel.from_pretrained(trained[1] / 'text_encoder'),
    )
    assert torch.equal(clip.text_model(ids)[0], text(ids)[0])


def assert_both_tokenizers_agree(folder):
    """transformers 5 reads tokenizer.json, transformers 4 the other two files."""
    one = CLIPTokenizer.from_pretrained(folder)
    other = CLIPTokenizer(str(folder / 'vocab.json'), str(folder / 'merges.txt'))
    texts = ['a photo of a dog', 'A purple zebra, 12 of them!', '']
    assert [one(text).input_ids for text in texts] == [other(text).input_ids for text in texts]


def test_the_shipped_tokenizer_is_the_same_for_transformers_4_and_5(embedded_weights):
    assert_both_tokenizers_agree(embedded_weights / 'tokenizer')


def test_export_is_float16_with_right_checksums(trained, tmp_path):
    import hashlib

    from safetensors.torch import load_file

    export_pipeline(trained[1], tmp_path)
    assert_both_tokenizers_agree(tmp_path / 'pipeline/tokenizer')
    weights = load_file(tmp_path / 'pipeline' / 'unet' / 'diffusion_pytorch_model.safetensors')
    assert {t.dtype for t in weights.values()} == {torch.float16}
    for line in (tmp_path / 'SHA256SUMS').read_text().splitlines():
        digest, name = line.split('  ')
        assert hashlib.sha256((tmp_path / name).read_bytes()).hexdigest() == digest


def _quadratic(module):
    target = torch.arange(4.0)
    return lambda generator: ((module.weight - target + 0.01 * torch.randn(4, generator=generator)) ** 2).mean()


def _loop(folder, steps):
    torch.manual_seed(0)
    module = torch.nn.Linear(4, 1, bias=False)
    return TrainingLoop(
        module, _quadratic(module), folder, LoopSettings(steps, 0.1, warmup=5, save_every=10, log_every=5)
    )


def test_loss_falls_and_is_logged(tmp_path):
    _loop(tmp_path, 60).run()
    rows = list(csv.reader((tmp_path / 'loss.csv').open()))
    assert [int(r[0]) for r in rows] == list(range(5, 61, 5))
    assert float(rows[-1][2]) < 0.5 * float(rows[0][2])


def test_resumed_run_equals_an_undisturbed_one(tmp_path):
    whole, first = _loop(tmp_path / 'whole', 40), _loop(tmp_path / 'parts', 40)
    whole.run()
    for _ in range(20):
        first._update()
        first.step += 1
    first.save()
    second = _loop(tmp_path / 'parts', 40)
    assert second.resume()
    second.run()
    assert torch.equal(second.module.weight, whole.module.weight)
    assert all(torch.equal(a, b) for a, b in zip(second.average, whole.average, strict=False))


def test_nan_loss_stops_and_keeps_the_last_checkpoint(tmp_path):
    loop = _loop(tmp_path, 40)
    loop.run()
    before = (tmp_path / 'state.pt').read_bytes()
    broken = _loop(tmp_path, 80)
    broken.resume()
    broken.loss = lambda generator: torch.tensor(float('nan'), requires_grad=True)
    with pytest.raises(RuntimeError, match='step 40'):
        broken.run()
    assert (tmp_path / 'state.pt').read_bytes() == before


def test_learning_rate_warms_up_holds_and_decays():
    values = [learning_rate_factor(p, s, 10) for p, s in ((0.0, 0), (0.1, 100), (0.6, 600), (0.9, 900), (1.0, 1000))]
    assert values[0] == pytest.approx(0.1)
    assert values[1] == values[2] == 1.0
    assert values[2] > values[3] > values[4] == pytest.approx(0.02)


def test_velocity_weight_is_min_snr():
    alphas = torch.tensor([0.99, 0.5, 0.1])
    expected = [min(a / (1 - a), 5.0) * (1 - a) * 2 for a in alphas.tolist()]
    assert velocity_weight(alphas, torch.arange(3)).tolist() == pytest.approx(expected, rel=1e-5)


def test_tokenizer_keeps_known_words_whole_and_spells_others(tmp_path):
    tokenizer = build_tokenizer(tmp_path, ['dog', 'photo'])
    assert len(tokenizer('dog photo').input_ids) == 4
    assert len(tokenizer('zebra').input_ids) == 2 + len('zebra')


def test_every_caption_word_is_one_token(tmp_path):
    tokenizer = build_tokenizer(tmp_path)
    assert [w for w in CAPTION_WORDS if len(tokenizer(w).input_ids) != 3] == []
    ids = tokenizer('a photo of a person and an orange tree on a purple horizon background').input_ids
    assert len(ids) == 2 + 14


def test_a_new_text_encoder_starts_cross_attention_anew(trained, tmp_path, monkeypatch):
    seen = {}
    monkeypatch.setattr(recipe, '_train', lambda name, module, *rest: seen.update({name: module.state_dict()}))
    work = tmp_path / 'work'
    shutil.copytree(trained[0] / 'pipeline', work / 'pipeline')
    arguments = _arguments(work, init=trained[1], scenes=8, clip_steps=1)
    before = load_file(trained[1] / 'unet' / 'diffusion_pytorch_model.safetensors')
    same = {}
    for stages in (['clip', 'unet'], ['unet']):
        train_embedded(argparse.Namespace(**{**vars(arguments), 'stages': stages}))
        equal = {name: torch.equal(value, seen['unet'][name]) for name, value in before.items() if 'attn' in name}
        same[len(stages)] = {name.split('.attn')[1][0] for name, value in equal.items() if not value}
    assert same == {2: {'2'}, 1: set()}


def test_a_resumed_run_reads_the_tokenizer_of_the_first(trained, tmp_path):
    folder = tmp_path / 'pipeline' / 'tokenizer'
    shutil.copytree(trained[1] / 'tokenizer', folder)
    stored = json.loads((folder / 'tokenizer.json').read_text())
    stored['model']['vocab'].update(
        {'dog</w>': stored['model']['vocab']['cup</w>'], 'cup</w>': stored['model']['vocab']['dog</w>']}
    )
    (folder / 'tokenizer.json').write_text(json.dumps(stored))
    train_embedded(_arguments(tmp_path, stages=[], scenes=4))
    assert json.loads((folder / 'tokenizer.json').read_text()) == stored


def test_scene_corpus_is_the_same_with_more_workers():
    one, two = scene_corpus(6, captions=2), scene_corpus(6, captions=2, workers=2)
    assert np.array_equal(one.images, two.images)
    assert one.captions == two.captions


def _photos(folder, lines):
    cv2.imwrite(str(folder / 'a.png'), np.full((30, 50, 3), (0, 0, 255), np.uint8))
    (folder / 'captions.jsonl').write_text('\n'.join(json.dumps(line) for line in lines))


def test_photographs_are_read_as_rgb_and_cropped(tmp_path):
    _photos(tmp_path, [{'image': 'a.png', 'captions': ['a photo of red']}])
    corpus = photo_corpus(tmp_path, 16)
    assert corpus.images.shape == (1, 16, 16, 3)
    assert corpus.images[0, 0, 0].tolist() == [255, 0, 0]
    assert corpus.captions == [['a photo of red']]


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('', 'at least one line'),
        ('{"image": "b.png", "captions": ["x"]}', r'readable image at .*b\.png \(.*captions\.jsonl:1\)'),
        ('{"image": "a.png", "captions": ["x"]}\n\n{"image": ', r'one JSON object a line, .*\{"image": .*:3.*delete'),
        ('{"image": "a.png"}', r'"captions": \[.*captions\.jsonl:1, but got .*a\.png.*delete'),
        ('{"image": "a.png", "captions": "red"}', '"captions"'),
        ('{"image": "a.png", "captions": ["red", 3]}', '"captions"'),
        ('{"image": 3, "captions": ["red"]}', '"image"'),
        ('["a.png", "red"]', '"image"'),
    ],
)
def test_broken_photo_lists_are_named(tmp_path, text, message):
    _photos(tmp_path, [])
    (tmp_path / 'captions.jsonl').write_text(text)
    with pytest.raises(UserError, match=message):
        photo_corpus(tmp_path, 16)
