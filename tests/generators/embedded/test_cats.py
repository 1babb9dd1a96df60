from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.stats import norm

from mmseg_gen.generators.embedded.cat_factors import (
    GROUPS,
    LAYERS,
    NAMES,
    RANGES,
    factor_values,
    latent_factors,
    layer_factors,
)
from mmseg_gen.generators.embedded.cats import EYES, FUR, NOSE, REGIONS, render_cats, render_regions


def factors(count: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(count, len(NAMES), generator=torch.Generator().manual_seed(seed))


def in_triangle(x: float, y: float, corners) -> bool:
    """Return whether a point is inside by its barycentric coordinates."""
    matrix = np.array([[*corner, 1.0] for corner in corners]).T
    return bool((np.linalg.solve(matrix, [x, y, 1.0]) > 0).all())


def in_cat(x: float, y: float, v: dict[str, float]) -> bool:
    """Return whether a point is the cat's, from the drawing's definition, one point at a time."""
    r = v['radius']
    height, width = 1.08 - (v['y'] + v['neck'] * r), v['body_width'] * r
    if ((x - v['x'] - 0.15 * v['turn'] * r) / width) ** 2 + ((y - 1.08) / height) ** 2 < 1:
        return True
    turned = complex(x - v['x'], y - v['y']) / r * complex(math.cos(v['tilt']), -math.sin(v['tilt']))
    u, w = turned.real, turned.imag
    tapered = u * (1 + v['jaw'] * min(max(w, -1), 1))
    if (tapered / v['width']) ** 2 + (w / 0.92) ** 2 < 1:
        return True
    for side in (-1, 1):
        at = [
            (v['ear_angle'] - v['ear_width'], 0.8),
            (v['ear_angle'] + 0.6 * v['ear_lean'], 0.95 + v['ear_length']),
            (v['ear_angle'] + v['ear_width'], 0.8),
        ]
        corners = [(side * v['width'] * math.sin(a) * d, -0.92 * math.cos(a) * d) for a, d in at]
        if in_triangle(u, w, corners):
            return True
    return False


@pytest.mark.parametrize('seed', [0, 1])
def test_masks_are_those_of_a_loop_over_points(seed):
    drawn = factors(1, seed)
    values = {name: value.item() for name, value in factor_values(drawn).items()}
    side = 32
    centers = (np.arange(side) + 0.5) / side
    expected = np.array([[in_cat(x, y, values) for x in centers] for y in centers])
    # In these two, eyes and nose lie on the head.
    assert np.array_equal(render_cats(drawn, side)[1][0].numpy() > 0, expected)
    assert 0.1 < expected.mean() < 0.6


def test_images_of_a_batch_do_not_interact_and_lie_in_range():
    drawn = factors(3)
    images, labels = render_cats(drawn)
    assert images.shape == (3, 3, 64, 64)
    assert labels.dtype == torch.uint8
    assert images.min() >= -1
    assert images.max() <= 1
    for n in range(3):
        one, label = render_cats(drawn[n : n + 1])
        assert torch.equal(one[0], images[n])
        assert torch.equal(label[0], labels[n])


def test_shares_of_regions_sum_to_one_and_the_largest_is_the_label():
    drawn = factors(8)
    shares, labels = render_regions(drawn), render_cats(drawn)[1]
    torch.testing.assert_close(shares.sum(1), torch.ones(8, 64, 64))
    sure = shares.amax(1) > 0.999
    of_region = torch.tensor(list(REGIONS.values()), dtype=torch.uint8)
    assert sure.float().mean() > 0.7
    assert torch.equal(of_region[shares.argmax(1)][sure], labels[sure])
    assert set(labels.unique().tolist()) == {0, FUR, EYES, NOSE}


def test_a_region_has_the_colour_of_its_factors():
    drawn = factors(4)
    drawn[:, [NAMES.index(name) for name in RANGES['light']]] = 0.5
    images, shares = render_cats(drawn)[0], render_regions(drawn)
    values = factor_values(drawn)
    for region in ('wall', 'window', 'eye'):
        inside = shares[:, list(REGIONS).index(region)] > 0.9999
        for channel, name in enumerate('rgb'):
            wanted = (2 * values[f'{region}_{name}'] - 1).expand(-1, 64, 64)
            torch.testing.assert_close(images[:, channel][inside], wanted[inside], atol=1e-3, rtol=0)


def test_factors_of_noise_are_its_normal_distribution():
    z = 3 * torch.randn(2000, len(NAMES), generator=torch.Generator().manual_seed(0))
    found = latent_factors(z).numpy()
    scaled = z.numpy() / np.sqrt(np.square(z.numpy()).mean(1, keepdims=True))
    np.testing.assert_allclose(found, norm.cdf(scaled), atol=1e-5)
    deciles = np.quantile(found, np.arange(1, 10) / 10, axis=0)
    assert np.abs(deciles - np.arange(1, 10)[:, None] / 10).max() < 0.05


def test_a_factor_is_read_in_the_layers_of_its_group():
    values = torch.randn(2, LAYERS, len(NAMES), generator=torch.Generator().manual_seed(0))
    found = layer_factors(values)
    ends = [*list(GROUPS.values())[1:], LAYERS]
    index = 0
    for (first, names), end in zip([(GROUPS[g], n) for g, n in RANGES.items()], ends, strict=True):
        for _ in names:
            wanted = sum(values[:, layer, index] for layer in range(first, end)) / (end - first)
            torch.testing.assert_close(found[:, index], wanted)
            index += 1
    assert index == len(NAMES)
