import numpy as np
import pytest
from PIL import Image

from mmseg_gen.functional.mask_statistics import data_set_statistics, mask_statistics
from mmseg_gen.visualization.data_set_plots import _bins, plot_data_sets


def statistics(rows, count=6, seed=0):
    rng = np.random.default_rng(seed)
    masks = []
    for _ in range(count):
        mask = np.zeros((30, 40), bool)
        left = rng.integers(0, 28)
        mask[rows[0] : rows[1], left : left + rng.integers(3, 12)] = True
        masks.append(mask_statistics(rng.integers(0, 256, (30, 40, 3), np.uint8), mask))
    return data_set_statistics(masks)


def colored(path):
    """Return how many pixels have a hue, and where their middle is, as a share of the height."""
    pixels = np.asarray(Image.open(path).convert('RGB')).astype(int)
    hues = pixels.max(-1) - pixels.min(-1) > 40
    return hues.sum(), np.argwhere(hues)[:, 0].mean() / len(pixels) if hues.any() else None


def test_every_plot_is_written_and_shows_something(tmp_path):
    paths = plot_data_sets({'low': statistics((22, 29)), 'high': statistics((1, 8), seed=1)}, tmp_path / 'new')
    names = {
        'shape_complexity', 'polygon_length', 'shape_diversity', 'object_size', 'color_contrast', 'center_distance',
        'centers',
    }  # fmt: skip
    assert {path.stem for path in paths} == {path.stem for path in (tmp_path / 'new').iterdir()} == names
    assert all(colored(path)[0] > 500 for path in paths)


def test_centres_are_drawn_where_they_are(tmp_path):
    places = {}
    for name, rows in (('low', (22, 29)), ('high', (1, 8))):
        plot_data_sets({name: statistics(rows)}, tmp_path / name)
        picture = np.asarray(Image.open(tmp_path / name / 'centers.png').convert('RGB')).astype(int)
        left = picture[:, : picture.shape[1] // 2 - 20]
        blue = left[..., 2] - left[..., 0] > 30
        places[name] = np.argwhere(blue)[:, 0].mean()
    assert places['low'] > places['high'] + 50


def test_a_single_mask_and_one_without_contrast_can_be_plotted(tmp_path):
    mask = np.ones((9, 12), bool)
    alone = data_set_statistics([mask_statistics(None, mask)])
    assert len(plot_data_sets({'alone': alone}, tmp_path)) == 7
    with pytest.raises(ValueError, match='at least one data set'):
        plot_data_sets({}, tmp_path)


def test_bins_hold_every_value_that_is_drawn():
    whole = _bins(np.array([4.0, 7.0, 9.0]), whole=True)
    assert whole.tolist() == [3.5, 4.5, 5.5, 6.5, 7.5, 8.5, 9.5]
    assert len(_bins(np.array([0.0, 1.0]), whole=False)) == 31
    assert (np.diff(_bins(np.array([2.0, 2.0]), whole=False)) > 0).all()
