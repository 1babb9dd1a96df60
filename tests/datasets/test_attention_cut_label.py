from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

from mmseg_gen.datasets.transforms import AttentionCutLabel, LoadEvidence
from mmseg_gen.functional.attention_cut import CutSettings, attention_cut
from mmseg_gen.functional.evidence import Evidence
from mmseg_gen.registry import TRANSFORMS

SETTINGS = {'top_k': 1, 'lam': 0.2, 'color_scale': 10.0}


@pytest.fixture
def evidence():
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:10, :8]
    bump = np.exp(-((y - 4) ** 2 + (x - 3) ** 2) / 6)
    cross = np.stack([bump, 1 - bump]) * 0.1
    return Evidence(cross, cross.std((1, 2)), bump, rng.random((4, 10, 8)))


@pytest.fixture
def image():
    rng = np.random.default_rng(1)
    pixels = rng.integers(0, 60, (30, 24, 3)).astype(np.uint8)
    pixels[6:20, 4:16] += np.array([20, 90, 180], np.uint8)
    return pixels


def test_equals_its_function_on_the_same_input(evidence, image):
    expected = attention_cut(evidence, image, CutSettings(**SETTINGS))
    rgb = AttentionCutLabel(channel_order='rgb', **SETTINGS)({'img': image, 'evidence': evidence})
    bgr = AttentionCutLabel(**SETTINGS)({'img': image[..., ::-1], 'evidence': evidence})
    assert 0 < expected.mask.mean() < 1
    for results in (rgb, bgr):
        assert results['gt_seg_map'].dtype == np.uint8
        assert np.array_equal(results['gt_seg_map'], expected.mask)
        assert results['seg_fields'] == ['gt_seg_map']
        assert results['label_quality'] == {'uncertainty': expected.uncertainty, 'energy': expected.energy}


def test_leaves_image_and_settings_as_they_were(evidence, image):
    before, config = image.copy(), dict(type='AttentionCutLabel', **SETTINGS)
    transform = TRANSFORMS.build(copy.deepcopy(config))
    transform({'img': image, 'evidence': evidence, 'seg_fields': ['gt_seg_map']})
    assert np.array_equal(image, before)
    assert transform.settings == CutSettings(**SETTINGS)


def test_survives_copies_and_pickles(evidence, image):
    transform = AttentionCutLabel(**SETTINGS)
    expected = transform({'img': image, 'evidence': evidence})['gt_seg_map']
    for twin in (copy.deepcopy(transform), pickle.loads(pickle.dumps(transform))):
        assert np.array_equal(twin({'img': image, 'evidence': evidence})['gt_seg_map'], expected)


def test_stored_evidence_gives_the_label_of_synthesis(tmp_path, evidence, image):
    evidence.save(tmp_path / 'e.npz')
    loaded = LoadEvidence()({'img': image, 'evidence_path': str(tmp_path / 'e.npz')})
    again = AttentionCutLabel(**SETTINGS)(loaded)['gt_seg_map']
    at_synthesis = AttentionCutLabel(**SETTINGS)({'img': image, 'evidence': evidence.stored()})['gt_seg_map']
    assert np.array_equal(again, at_synthesis)


def test_errors_name_what_is_missing(image, tmp_path):
    with pytest.raises(ValueError, match='put LoadEvidence before'):
        AttentionCutLabel()({'img': image})
    with pytest.raises(ValueError, match='evidence_path'):
        LoadEvidence()({'img': image})
    with pytest.raises(FileNotFoundError):
        LoadEvidence()({'evidence_path': str(tmp_path / 'none.npz')})
    with pytest.raises(ValueError, match='channel_order'):
        AttentionCutLabel(channel_order='hsv')
    with pytest.raises(TypeError, match='lambda_chi'):
        AttentionCutLabel(lambda_chi=1.0)
