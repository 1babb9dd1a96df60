"""ConceptLabel equals the functions that it delegates to, on a known square."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

from mmseg_gen.functional.concept_evidence import ConceptEvidence
from mmseg_gen.registry import TRANSFORMS


def square(ids=()):
    image = np.full((24, 36, 3), (40, 90, 160), np.uint8)
    background = image.copy()
    image[6:18, 9:21] = (250, 20, 30)
    maps = np.full((max(1, len(ids)), 6, 9), 0.02, np.float32)
    maps[0, 1:5, 2:6] = 0.2
    if len(ids) > 1:
        maps[1, 1:5, 7:9] = 0.2
    results = {'img': image[..., ::-1].copy(), 'evidence': ConceptEvidence(maps, background, ids)}
    return results


def test_the_square_is_found_exactly():
    transform = TRANSFORMS.build(dict(type='ConceptLabel', preliminary=dict(rule='means'), refine=dict()))
    results = transform(square())
    expected = np.zeros((24, 36), bool)
    expected[6:18, 9:21] = True
    # The vote drops the corners.
    assert (results['gt_seg_map'].astype(bool) != expected).sum() <= 4
    assert results['gt_seg_map'].dtype == np.uint8
    assert results['seg_fields'] == ['gt_seg_map']
    assert 0 <= results['label_quality']['uncertainty'] < 0.1


def test_without_refinement_the_label_is_the_blurred_preliminary_one():
    preliminary = TRANSFORMS.build(dict(type='ConceptLabel'))(square())['gt_seg_map']
    refined = TRANSFORMS.build(dict(type='ConceptLabel', refine=dict()))(square())['gt_seg_map']
    assert preliminary.sum() > refined.sum()
    assert (refined <= preliminary).all()


def test_several_concepts_get_their_ids():
    results = TRANSFORMS.build(dict(type='ConceptLabel'))(square(ids=(3, 7)))
    assert set(np.unique(results['gt_seg_map'])) == {0, 3, 7}


def test_it_survives_copies_and_leaves_its_input():
    transform = TRANSFORMS.build(dict(type='ConceptLabel', refine=dict(rule='posterior')))
    given = square()
    before = given['img'].copy()
    first = transform(dict(given))['gt_seg_map']
    for other in (copy.deepcopy(transform), pickle.loads(pickle.dumps(transform))):
        np.testing.assert_array_equal(other(dict(given))['gt_seg_map'], first)
        assert repr(other) == repr(transform)
    np.testing.assert_array_equal(given['img'], before)


def test_other_evidence_is_refused():
    with pytest.raises(ValueError, match='concept distillation'):
        TRANSFORMS.build(dict(type='ConceptLabel'))({'img': np.zeros((8, 8, 3), np.uint8)})
    with pytest.raises(ValueError, match='rule'):
        TRANSFORMS.build(dict(type='ConceptLabel', refine=dict(rule='other')))
