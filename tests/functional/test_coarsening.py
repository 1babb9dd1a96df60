"""Coarse masks against their definitions pixel by pixel."""

from __future__ import annotations

import numpy as np
import pytest

from mmseg_gen.functional.coarsening import (
    COARSENINGS,
    coarsen_mask,
    dilate,
    erode,
    lower_resolution,
    signed_distance,
    soften_mask,
)
from mmseg_gen.functional.region_counts import mask_iou

RNG = np.random.default_rng(0)


def disc(shape=(40, 30), radius=10.0) -> np.ndarray:
    y, x = np.indices(shape)
    return (y - 20) ** 2 + (x - 14) ** 2 <= radius**2


def test_signed_distance_counts_from_the_edge_between_pixels():
    mask = np.zeros((1, 6), bool)
    mask[0, 2:] = True
    assert signed_distance(mask).tolist() == [[-1.5, -0.5, 0.5, 1.5, 2.5, 3.5]]


def test_erosion_and_dilation_equal_discs_of_pixels():
    y, x = np.indices((17, 15))
    mask = (y - 8) ** 2 + (x - 7) ** 2 <= 36
    mask[:, 13:] = False
    for degree in (1, 2, 3, 4):
        reach = degree + 0.5
        for grown, target in ((dilate(mask, degree, RNG), True), (~erode(mask, degree, RNG), False)):
            for place in np.ndindex(mask.shape):
                near = [q for q in np.ndindex(mask.shape) if np.hypot(*np.subtract(place, q)) < reach]
                expected = any(mask[q] == target for q in near) or mask[place] == target
                assert grown[place] == expected


def test_low_resolution_is_constant_in_its_cells():
    mask = disc()
    coarse = lower_resolution(mask, 8, np.random.default_rng(3))
    top, left = np.random.default_rng(3).integers(0, 8, 2)
    for row in range(40):
        for column in range(30):
            cell = np.s_[
                max(0, (row + top) // 8 * 8 - top) : (row + top) // 8 * 8 - top + 8,
                max(0, (column + left) // 8 * 8 - left) : (column + left) // 8 * 8 - left + 8,
            ]
            assert (coarse[cell] == coarse[row, column]).all()
            assert coarse[row, column] == (mask[cell].sum() >= 32)


@pytest.mark.parametrize('kind', COARSENINGS)
def test_the_degree_rises_until_the_overlap_is_small_enough(kind):
    mask = disc()
    coarse = coarsen_mask(mask, kind, 0.7, 5)
    assert 0.3 < mask_iou(coarse, mask) <= 0.7
    assert coarse.dtype == bool
    assert (coarse == coarsen_mask(mask, kind, 0.7, 5)).all()
    assert (coarsen_mask(mask, kind, 1.0, 5) == mask).all()


def test_a_mask_never_vanishes():
    dot = np.zeros((12, 12), bool)
    dot[5, 5:7] = True
    assert (coarsen_mask(dot, 'eroded', 0.1, 0) == dot).all()


def test_the_overlap_never_falls_below_the_least():
    mask = disc(radius=5.0)
    for kind in COARSENINGS:
        assert mask_iou(coarsen_mask(mask, kind, 0.9, 5, min_iou=0.85), mask) >= 0.85
        assert mask_iou(coarsen_mask(mask, kind, 0.3, 5, min_iou=0.25), mask) >= 0.25


def test_soft_masks_keep_the_hard_mask_and_are_logistic():
    mask = disc()
    soft = soften_mask(mask, 2.0)
    assert ((soft > 0.5) == mask).all()
    assert np.allclose(np.log(soft / (1 - soft)) * 2, signed_distance(mask), atol=1e-3)
    assert np.isfinite(soften_mask(np.ones((4, 4), bool), 1.0)).all()


def test_wrong_arguments_are_refused():
    with pytest.raises(ValueError, match='Expected `kind` from'):
        coarsen_mask(disc(), 'blurred', 0.5, 0)
    with pytest.raises(ValueError, match='Expected `max_iou`'):
        coarsen_mask(disc(), 'eroded', 0.0, 0)
    with pytest.raises(ValueError, match='Expected `width`'):
        soften_mask(disc(), 0)
