"""The set D'_s on a tiny model: its layout, its labels from stored evidence, guidance, and several concepts."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch

from mmseg_gen.datasets.transforms import ConceptLabel
from mmseg_gen.engine.concepts.painting import ConceptPairs, paint_set, synthesis_config
from mmseg_gen.engine.concepts.settings import ConceptSettings
from mmseg_gen.engine.concepts.strip import paint_strip
from mmseg_gen.engine.planning import Sample
from mmseg_gen.functional.concept_evidence import ConceptEvidence
from mmseg_gen.functional.manifest import read_manifest
from tests.tiny_models import tiny_parts


@pytest.fixture(scope='module')
def parts():
    return tiny_parts()


def settings_for(**changes):
    given = dict(
        photos='nowhere',
        prompt='a photo of a cat',
        concepts=[['cat']],
        canvas=(16, 24),
        evidence=dict(steps=4, max_steps=2),
        refine=dict(steps=2),
        synthesis=dict(num_samples=5, steps=2, batch_size=2),
    )
    return ConceptSettings.from_dict({**given, **changes})


def test_the_set_is_whole_and_its_masks_follow_from_its_evidence(parts, tmp_path):
    report = paint_set(settings_for(), tmp_path, parts=parts)
    entries = read_manifest(tmp_path)
    assert len(entries) == 5
    assert report.kept == sum(e.status == 'kept' for e in entries) > 0
    for entry in entries:
        if entry.status != 'kept':
            continue
        assert entry.prompt == 'a photo of a cat'
        image = cv2.imread(str(tmp_path / entry.files['image'][0]))
        evidence = ConceptEvidence.load(tmp_path / entry.files['evidence'][0])
        label = ConceptLabel(preliminary={}, refine={})({'img': image, 'evidence': evidence})['gt_seg_map']
        mask = cv2.imread(str(tmp_path / entry.files['mask'][0]), cv2.IMREAD_GRAYSCALE)
        np.testing.assert_array_equal(mask, label * 255)
        front = cv2.imread(str(tmp_path / 'foregrounds' / f'{entry.name}.png'), cv2.IMREAD_UNCHANGED)
        np.testing.assert_array_equal(front[..., :3], image)
        np.testing.assert_array_equal(front[..., 3], mask)
        back = cv2.imread(str(tmp_path / 'backgrounds' / f'{entry.name}.png'))[..., ::-1]
        np.testing.assert_array_equal(back, evidence.background)


def test_a_second_run_makes_what_lacks_to_the_same_bytes(parts, tmp_path):
    paint_set(settings_for(), tmp_path, parts=parts)
    before = {p: p.read_bytes() for p in tmp_path.rglob('*') if p.is_file()}
    gone = next(iter((tmp_path / 'foregrounds').iterdir()))
    gone.unlink()
    next(iter((tmp_path / 'images').iterdir())).unlink()
    paint_set(settings_for(), tmp_path, parts=parts)
    assert {p: p.read_bytes() for p in before} == before


def test_several_concepts_are_label_maps(parts, tmp_path):
    own = settings_for(prompt='a photo of a cat and a dog', concepts=[['cat'], ['dog']])
    pairs = ConceptPairs(parts, own)
    sample = Sample(0, 'dog', 'a photo of a dog and a cat', 3, ('dog', 'cat'), (2, 1))
    pair = pairs.generate([sample])[0]
    assert pair.evidence.class_ids == (1, 2)
    assert pair.evidence.maps.shape[0] == 2
    assert pair.image.shape == (16, 24, 3) == pair.evidence.background.shape
    paint_set(own, tmp_path, parts=parts)
    prompts = {entry.prompt for entry in read_manifest(tmp_path)}
    assert prompts <= {'a photo of a cat and a dog', 'a photo of a dog and a cat'}


@pytest.mark.parametrize(
    ('prompt', 'words', 'template'),
    [
        ('a photo of a human with arms', ['human', 'arms'], 'a photo of a {class} with arms'),
        ('chest mass on an x-ray', ['mass'], 'chest {class} on an x-ray'),
    ],
)
def test_the_wording_of_the_prompt_stays(prompt, words, template):
    config = synthesis_config(settings_for(prompt=prompt, concepts=[words]), 'embedded', (16, 24))
    assert config['template'] == template
    assert config['classes'] == [words[0]]


def test_an_image_of_a_strip_depends_on_its_number_alone(parts):
    own = settings_for()
    whole = paint_strip(parts, own, (0.0, 1.0, 3.0), count=3)
    alone = paint_strip(parts, own, (1.0,), first=2, count=1)
    assert whole.shape == (3, 3, 16, 24, 3)
    assert whole.dtype == np.uint8
    # Batches of other sizes round differently.
    assert np.abs(alone[0, 0].astype(int) - whole[1, 2]).max() <= 1
    assert torch.is_grad_enabled()
