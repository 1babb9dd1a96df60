import numpy as np
import pytest
from scipy import ndimage

from mmseg_gen.functional.morphology import clean_mask, drop_faint_components, inner_boundary, largest_component

EIGHT = np.ones((3, 3))


def random_mask(seed=0, shape=(24, 31), share=0.35):
    return np.random.default_rng(seed).random(shape) < share


def test_small_components_go_by_a_loop():
    for seed in range(5):
        mask = random_mask(seed)
        labels, count = ndimage.label(mask, EIGHT)
        expected = np.zeros_like(mask)
        areas = [(labels == i).sum() for i in range(1, count + 1)]
        for i, area in enumerate(areas, 1):
            if area >= 0.1 * mask.sum() or (area == max(areas) and areas.index(area) == i - 1):
                expected |= labels == i
        assert (clean_mask(mask, 0.1, fill_holes=False) == expected).all()


def test_holes_are_filled_and_bays_are_not():
    mask = np.zeros((9, 9), bool)
    mask[1:8, 1:8] = True
    mask[3:5, 3:5] = mask[6:, 6] = False
    filled = clean_mask(mask)
    assert filled[3:5, 3:5].all()
    assert not filled[6:, 6].any()
    assert not clean_mask(mask, fill_holes=False)[3, 3]


@pytest.mark.parametrize('mask', [np.zeros((4, 6), bool), np.ones((4, 6), bool), np.ones((1, 1), bool)])
def test_empty_and_full_masks_stay(mask):
    assert (clean_mask(mask, 0.5) == mask).all()


def test_the_largest_component_stays_at_any_share():
    mask = random_mask(3)
    assert (clean_mask(mask, 1.0, fill_holes=False) == largest_component(mask)).all()


def test_largest_component_equals_scipy():
    for seed in range(5):
        mask = random_mask(seed)
        labels, count = ndimage.label(mask, EIGHT)
        sizes = ndimage.sum(mask, labels, range(1, count + 1))
        found = largest_component(mask)
        assert found.sum() == sizes.max()
        assert len(np.unique(labels[found])) == 1
    assert not largest_component(np.zeros((3, 4), bool)).any()


def test_faint_components_go_by_their_mean():
    mask = np.zeros((5, 9), bool)
    mask[1:3, 1:3] = mask[1:3, 4] = mask[4, 7:] = True
    scores = np.zeros(mask.shape)
    scores[1:3, 1:3], scores[1:3, 4], scores[4, 7:] = 0.8, 0.5, 0.2
    assert (drop_faint_components(mask, scores, 0.0) == mask).all()
    assert drop_faint_components(mask, scores, 0.5).sum() == 6
    assert drop_faint_components(mask, scores, 1.0).sum() == 4
    assert not drop_faint_components(~mask & mask, scores, 0.5).any()


def test_inner_boundary_by_a_loop():
    mask = random_mask(7, share=0.6)
    expected = np.zeros_like(mask)
    for y, x in np.argwhere(mask):
        for v, u in ((y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)):
            if 0 <= v < mask.shape[0] and 0 <= u < mask.shape[1] and not mask[v, u]:
                expected[y, x] = True
    assert (inner_boundary(mask) == expected).all()


def test_masks_stay_as_they_were():
    mask = random_mask()
    before = mask.copy()
    clean_mask(mask, 0.2), drop_faint_components(mask, mask * 1.0, 0.3), inner_boundary(mask)
    assert (mask == before).all()


@pytest.mark.parametrize('value', [-0.1, 1.1, np.nan])
def test_shares_outside_the_unit_interval_are_refused(value):
    with pytest.raises(ValueError, match='`min_component`'):
        clean_mask(random_mask(), value)
    with pytest.raises(ValueError, match='`ratio`'):
        drop_faint_components(random_mask(), random_mask() * 1.0, value)


def test_arrays_without_pixels_stay_without():
    # OpenCV ends the process on these.
    for shape in ((0, 3), (3, 0)):
        nothing = np.zeros(shape, bool)
        for found in (
            largest_component(nothing),
            clean_mask(nothing, 0.1),
            drop_faint_components(nothing, nothing, 0.5),
        ):
            assert found.shape == shape
