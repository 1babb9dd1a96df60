from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
from sklearn.mixture import GaussianMixture

from mmseg_gen.datasets.transforms import GaussianMixtureLabel, LoadEvidence
from mmseg_gen.engine.labelling import label_image
from mmseg_gen.functional.evidence import Evidence
from mmseg_gen.registry import TRANSFORMS

IMAGE = np.zeros((30, 24, 3), np.uint8)


def evidence_of(*maps: np.ndarray) -> Evidence:
    cross = np.stack(maps).astype(np.float32)
    return Evidence(cross, cross.std((1, 2)), np.zeros(cross.shape[1:]), np.zeros((4, *cross.shape[1:])))


@pytest.fixture
def evidence():
    rng = np.random.default_rng(0)
    square = np.zeros((10, 8))
    square[2:7, 3:6] = 0.1
    return evidence_of(square + rng.normal(0, 0.01, square.shape), 0.05 + rng.normal(0, 0.001, square.shape))


def test_labels_the_known_square_at_the_size_of_the_image(evidence):
    results = GaussianMixtureLabel(orphans=False)({'img': IMAGE, 'evidence': evidence})
    expected = np.zeros((30, 24), np.uint8)
    # The grid is three times coarser.
    expected[6:21, 9:18] = 1
    values = evidence.cross.mean(0)
    means = GaussianMixture(2, random_state=0).fit(values.reshape(-1, 1) * 1000).means_ / 1000
    assert np.array_equal(values > means.mean(), expected[::3, ::3] == 1)
    assert results['gt_seg_map'].dtype == np.uint8
    # Bilinear upsampling rounds the corners only.
    assert (results['gt_seg_map'] != expected).sum() <= 4
    assert results['label_outcome'] == 'found'
    assert results['seg_fields'] == ['gt_seg_map']
    assert 0 <= results['label_quality']['uncertainty'] < 0.1


def test_top_k_takes_the_layers_that_vary_most(evidence):
    by_best = GaussianMixtureLabel(top_k=1)({'img': IMAGE, 'evidence': evidence})['gt_seg_map']
    alone = GaussianMixtureLabel()({'img': IMAGE, 'evidence': evidence_of(evidence.cross[0])})['gt_seg_map']
    assert np.array_equal(by_best, alone)
    with pytest.raises(ValueError, match='`top_k` in'):
        GaussianMixtureLabel(top_k=3)({'img': IMAGE, 'evidence': evidence})


def test_a_constant_map_gives_a_counted_outcome():
    constant = evidence_of(np.full((10, 8), 0.2))
    results = GaussianMixtureLabel()({'img': IMAGE, 'evidence': constant, 'seg_fields': ['gt_seg_map']})
    assert results['label_outcome'] == 'constant'
    assert not results['gt_seg_map'].any()
    label = label_image(GaussianMixtureLabel(), IMAGE, constant)
    assert label.measures == {'uncertainty': 1.0, 'degenerate': 1.0, 'area': 0.0}


def test_stored_evidence_gives_the_label_of_synthesis(tmp_path, evidence):
    evidence.save(tmp_path / 'e.npz')
    transform = TRANSFORMS.build({'type': 'GaussianMixtureLabel', 'rule': 'posterior'})
    loaded = LoadEvidence()({'img': IMAGE, 'evidence_path': str(tmp_path / 'e.npz')})
    expected = label_image(transform, IMAGE, evidence.stored()).mask
    for twin in (transform, copy.deepcopy(transform), pickle.loads(pickle.dumps(transform))):
        assert np.array_equal(twin(dict(loaded))['gt_seg_map'], expected)


def test_errors_name_what_is_missing():
    with pytest.raises(ValueError, match='put LoadEvidence before'):
        GaussianMixtureLabel()({'img': IMAGE})
    with pytest.raises(ValueError, match='`rule`'):
        GaussianMixtureLabel(rule='otsu')
    with pytest.raises(ValueError, match='`top_k`'):
        GaussianMixtureLabel(top_k=0)
