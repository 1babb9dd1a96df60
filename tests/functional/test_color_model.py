import numpy as np
import pytest

from mmseg_gen.functional.color_model import color_index, color_logit


def scene(seed=0):
    rng = np.random.default_rng(seed)
    mask = np.zeros((12, 17), bool)
    mask[3:9, 4:11] = True
    colors = np.where(mask[..., None], [0.8, 0.2, 0.1], [0.1, 0.3, 0.9]) + rng.normal(0, 0.02, (12, 17, 3))
    return colors, mask


def test_index_equals_a_loop():
    colors, _ = scene()
    low, high = colors.min((0, 1)), colors.max((0, 1))
    found = color_index(colors, 5)
    for y, x in np.ndindex(found.shape):
        cells = [round(4 * (colors[y, x, c] - low[c]) / (high[c] - low[c])) for c in range(3)]
        assert found[y, x] == (cells[0] * 5 + cells[1]) * 5 + cells[2]


def test_unsmoothed_logit_equals_counting():
    colors, mask = scene(1)
    index = color_index(colors, 4)
    found = color_logit(colors, mask, bins=4, smoothing=0)
    for y, x in np.ndindex(mask.shape):
        same = index == index[y, x]
        inside, outside = (same & mask).sum() / mask.sum(), (same & ~mask).sum() / (~mask).sum()
        floor = 0.02 * (inside + outside)
        assert found[y, x] == pytest.approx(np.log((inside + floor) / (outside + floor)))


def test_each_side_prefers_its_own_colours_and_the_answer_is_bounded():
    colors, mask = scene()
    logit = color_logit(colors, mask)
    assert (logit[mask] > 2).all()
    assert (logit[~mask] < -2).all()
    assert np.abs(logit).max() <= np.log(51) + 1e-9


def test_swapping_the_sides_changes_the_sign():
    colors, mask = scene()
    np.testing.assert_allclose(color_logit(colors, ~mask), -color_logit(colors, mask), atol=1e-12)


@pytest.mark.parametrize('fill', [True, False])
def test_one_side_alone_says_nothing(fill):
    colors, mask = scene()
    assert not color_logit(colors, np.full_like(mask, fill)).any()


def test_an_image_of_one_colour_says_nothing():
    _, mask = scene()
    np.testing.assert_allclose(color_logit(np.full((*mask.shape, 3), 0.4), mask), 0, atol=1e-12)


@pytest.mark.parametrize('setting', [{'bins': 1}, {'smoothing': -1.0}])
def test_bad_settings_are_refused(setting):
    with pytest.raises(ValueError, match='`bins` >= 2'):
        color_logit(*scene(), **setting)
