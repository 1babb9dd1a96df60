from itertools import product

import numpy as np
import pytest

from mmseg_gen.functional.color_cut import ColorCutSettings, color_cut, color_label_cut
from mmseg_gen.functional.color_model import color_logit
from mmseg_gen.functional.cut_settings import EMBEDDED_CUT

FLAT = ColorCutSettings(rounds=0)


def cielab(pixel):
    """The definition of CIELAB from sRGB under D65, for one pixel."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in pixel / 255]
    matrix = [[0.412453, 0.357580, 0.180423], [0.212671, 0.715160, 0.072169], [0.019334, 0.119193, 0.950227]]
    white = (0.950456, 1.0, 1.088754)
    ratios = [sum(m * c for m, c in zip(row, linear, strict=True)) / w for row, w in zip(matrix, white, strict=True)]
    x, y, z = (r ** (1 / 3) if r > 0.008856 else 7.787 * r + 16 / 116 for r in ratios)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def energy(labels, probabilities, lab, settings):
    """Loops: cost of each pixel, and of each pair of neighbours with different labels."""
    height, width = labels.shape
    total = sum(-np.log(probabilities[labels[y, x], y, x]) for y in range(height) for x in range(width))
    for y, x in product(range(height), range(width)):
        for dy, dx in ((0, 1), (1, 0), (1, 1), (1, -1)):
            v, w = y + dy, x + dx
            if 0 <= v < height and 0 <= w < width and labels[y, x] != labels[v, w]:
                distance = np.linalg.norm(lab[y, x] - lab[v, w])
                total += settings.smoothness * np.exp(-settings.color_scale * distance) / np.hypot(dy, dx)
    return total


@pytest.mark.parametrize('seed', range(4))
def test_two_labels_get_the_least_energy_of_all_labellings(seed):
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 255, (2, 4, 3), dtype=np.uint8)
    foreground = rng.uniform(0.05, 0.95, (2, 4))
    foreground[0, 0], foreground[1, 3] = 0.05, 0.95  # both labels are the most probable one somewhere
    probabilities = np.stack([1 - foreground, foreground])
    settings = ColorCutSettings(rounds=0, smoothness=1.5, color_scale=3.0)
    lab = np.array([[cielab(pixel) / 100 for pixel in row] for row in image])
    every = [np.array(bits).reshape(2, 4) for bits in product((0, 1), repeat=8)]
    energies = [energy(labels, probabilities, lab, settings) for labels in every]
    found = color_cut(image, probabilities, settings)
    assert energy(found, probabilities, lab, settings) == pytest.approx(min(energies), abs=1e-3)


def two_objects():
    """An image ``(30, 44)`` of two squares, their labels, and probabilities that know the middles only.

    The first object has a second part, of which the probabilities know nothing.
    """
    labels = np.zeros((30, 44), np.int64)
    labels[4:18, 5:17], labels[22:27, 6:16], labels[9:26, 24:40] = 1, 1, 2
    image = np.array([[30, 120, 40], [220, 40, 30], [40, 50, 230]], np.uint8)[labels]
    probabilities = np.full((3, 30, 44), 0.275)
    probabilities[0] = 0.45
    probabilities[:, 8:16, 8:14] = np.array([0.03, 0.94, 0.03])[:, None, None]
    probabilities[:, 13:22, 28:36] = np.array([0.03, 0.03, 0.94])[:, None, None]
    return image, labels, probabilities


def test_colours_find_the_objects_whose_middles_are_known():
    image, labels, probabilities = two_objects()
    np.testing.assert_array_equal(color_cut(image, probabilities), labels)
    without = labels.copy()
    without[22:27, 6:16] = 0
    np.testing.assert_array_equal(color_cut(image, probabilities, FLAT), without)


def test_the_labels_follow_the_order_of_the_classes():
    image, labels, probabilities = two_objects()
    swapped = color_cut(image, probabilities[[0, 2, 1]])
    np.testing.assert_array_equal(swapped, np.array([0, 2, 1])[labels])


def test_a_class_that_is_nowhere_first_gets_no_pixel():
    image, labels, probabilities = two_objects()
    four = np.concatenate([probabilities[:1], np.full((1, 30, 44), 0.05), probabilities[1:] - 0.025])
    np.testing.assert_array_equal(color_cut(image, four), np.array([0, 2, 3])[labels])
    empty = np.zeros((2, 30, 44))
    empty[0] = 1
    assert not color_cut(image, empty).any()


def test_a_large_image_is_cut_small_and_its_corners_are_rounded_at_most():
    image, labels, probabilities = two_objects()
    image, labels = (a.repeat(3, 0).repeat(3, 1) for a in (image, labels))
    found = color_cut(image, probabilities.repeat(3, 1).repeat(3, 2), ColorCutSettings(max_side=44))
    wrong = np.argwhere(found != labels)
    corners = [(y, x) for rows, columns in (((12, 53), (15, 50)), ((66, 80), (18, 47)), ((27, 77), (72, 119)))
               for y in rows for x in columns]  # fmt: skip
    assert all(min(abs(y - v) + abs(x - w) for v, w in corners) <= 1 for y, x in wrong)


def test_rounds_use_the_colours_of_the_labels_before():
    rng = np.random.default_rng(0)
    costs, colors = rng.uniform(0, 2, (2, 6, 7)), rng.random((6, 7, 3))
    free = np.zeros((4, 6, 7))  # without neighbours each pixel takes its cheapest label
    first = costs.argmin(0)
    colored = np.stack([costs[0], costs[1] - 0.3 * color_logit(colors, first == 1, 4)])
    labels, energy_found = color_label_cut(costs, free, colors, rounds=1, weight=0.3, bins=4)
    np.testing.assert_array_equal(labels, colored.argmin(0))
    assert energy_found == pytest.approx(colored.min(0).sum())


@pytest.mark.parametrize(
    'wrong',
    [
        dict(smoothness=-1),
        dict(smoothness=np.inf),
        dict(epsilon=0.5),
        dict(color_bins=1),
        dict(rounds=-1),
        dict(max_side=0),
    ],
)
def test_settings_out_of_range_are_refused(wrong):
    with pytest.raises(ValueError, match=f'`{next(iter(wrong))}`'):
        ColorCutSettings(**wrong)


def test_the_defaults_are_those_of_the_embedded_cut_with_half_the_weight_of_the_colours():
    own, cut = ColorCutSettings(), EMBEDDED_CUT
    assert own.smoothness == cut.lam * cut.lambda_psi
    assert own.color_weight == cut.color_weight / 2
    assert (own.color_scale, own.rounds, own.color_bins) == (cut.color_scale, cut.color_rounds, cut.color_bins)
    assert (own.epsilon, own.max_side) == (cut.epsilon, cut.max_side)


def test_sizes_must_fit():
    with pytest.raises(ValueError, match=r'of shape \(C, 30, 44\), but got \(3, 30, 43\)'):
        color_cut(two_objects()[0], two_objects()[2][..., 1:])


def test_epsilon_lets_neighbours_overrule_what_is_certain():
    image = np.full((3, 3, 3), 128, np.uint8)
    foreground = np.full((3, 3), 0.8)
    foreground[1, 1] = 0.0  # -log(epsilon) against the borders to eight neighbours of the same colour
    probabilities = np.stack([1 - foreground, foreground])
    borders = 4 * 1.0 + 4 / np.sqrt(2)
    above, below = np.exp(-borders - 1), np.exp(-borders + 1)
    labels = [
        color_cut(image, probabilities, ColorCutSettings(rounds=0, smoothness=1.0, epsilon=e)) for e in (below, above)
    ]
    assert [found[1, 1] for found in labels] == [1, 0]
    assert (np.delete(labels[1].ravel(), 4) == 1).all()
