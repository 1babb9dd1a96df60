"""The guided filter and PAMR against loops over windows."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mmseg_gen.functional.guided_filter import GuidedSettings, guided_filter
from mmseg_gen.functional.pixel_adaptive import PamrSettings, pixel_adaptive_refinement

SIZE = (9, 12)


def example():
    rng = np.random.default_rng(0)
    return rng.integers(0, 255, (*SIZE, 3), dtype=np.uint8), rng.random((2, *SIZE))


def loop_guided(image, values, radius, epsilon):
    """A ridge regression on colours in every window, its predictions averaged over the windows of a pixel."""
    guide, sums, counts = image / 255, np.zeros(SIZE), np.zeros(SIZE)
    for y in range(SIZE[0]):
        for x in range(SIZE[1]):
            window = np.s_[max(0, y - radius) : y + radius + 1, max(0, x - radius) : x + radius + 1]
            colors, targets = guide[window].reshape(-1, 3), values[window].ravel()
            centered = colors - colors.mean(0)
            slope = np.linalg.solve(
                centered.T @ centered / len(colors) + epsilon * np.eye(3),
                centered.T @ (targets - targets.mean()) / len(colors),
            )
            sums[window] += (guide[window] - colors.mean(0)) @ slope + targets.mean()
            counts[window] += 1
    return sums / counts


def test_the_guided_filter_is_a_regression_in_every_window():
    image, maps = example()
    found = guided_filter(image, maps, GuidedSettings(2, 1e-2))
    for got, values in zip(found, maps, strict=True):
        assert np.allclose(got, loop_guided(image, values, 2, 1e-2), atol=1e-9)


def test_constants_stay_and_the_guide_itself_passes():
    image, _ = example()
    assert np.allclose(guided_filter(image, np.full((1, *SIZE), 0.3)), 0.3)
    red = image[None, ..., 0] / 255
    assert np.allclose(guided_filter(image, red, GuidedSettings(2, 1e-9)), red, atol=1e-3)


def loop_pamr(image, values, settings):
    """One number at a time, borders repeated."""
    height, width = values.shape[1:]
    offsets = [(dy * d, dx * d) for d in settings.dilations for dy in (-1, 0, 1) for dx in (-1, 0, 1) if dy or dx]
    at = lambda y, x: (min(max(y, 0), height - 1), min(max(x, 0), width - 1))  # noqa: E731
    for _ in range(settings.iterations):
        result = np.empty_like(values)
        for y in range(height):
            for x in range(width):
                around = np.array([image[(slice(None), *at(y + dy, x + dx))] for dy, dx in offsets])
                spread = around.std(0, ddof=1)
                logits = -(np.abs(around - image[:, y, x]) / (1e-8 + 0.1 * spread)).mean(1)
                weights = np.exp(logits - logits.max())
                weights /= weights.sum()
                near = np.array([values[(slice(None), *at(y + dy, x + dx))] for dy, dx in offsets])
                result[:, y, x] = weights @ near
        values = result
    return values


def test_pamr_equals_a_loop():
    image, maps = example()
    settings, pixels = PamrSettings(2, (1, 3)), image.transpose(2, 0, 1) / 255
    found = pixel_adaptive_refinement(torch.from_numpy(pixels), torch.from_numpy(maps), settings)
    assert np.allclose(found.numpy(), loop_pamr(pixels, maps, settings), atol=1e-9)


def test_wrong_settings_are_refused():
    image, maps = example()
    for make, name in (
        (lambda: GuidedSettings(radius=0), 'radius'),
        (lambda: GuidedSettings(epsilon=0), 'epsilon'),
        (lambda: PamrSettings(iterations=0), 'iterations'),
        (lambda: PamrSettings(dilations=()), 'dilations'),
    ):
        with pytest.raises(ValueError, match=f'Expected `{name}`'):
            make()
    with pytest.raises(ValueError, match='Expected `maps` of shape'):
        guided_filter(image, maps[:, 1:])
    with pytest.raises(ValueError, match='Expected `maps` of the size'):
        pixel_adaptive_refinement(torch.zeros(3, 4, 4), torch.zeros(1, 4, 5))
