"""Stacked features against cosines taken one kind at a time."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from mmseg_gen.functional.feature_grid import color_maps, position_maps, resize_features, stack_features


def test_the_cosine_of_stacked_features_is_the_weighted_mean_of_the_kinds():
    generator = torch.Generator().manual_seed(0)
    first, second = torch.randn(2, 3, 4, 6, generator=generator), torch.randn(2, 5, 2, 3, generator=generator)
    stacked = stack_features([first, second], (4, 6), [2.0, 1.0])
    assert stacked.shape == (2, 8, 4, 6)
    found = torch.cosine_similarity(stacked[0, :, 1, 2], stacked[1, :, 3, 5], dim=0)
    grown = F.interpolate(second, (4, 6), mode='bilinear')
    cosines = [torch.cosine_similarity(m[0, :, 1, 2], m[1, :, 3, 5], dim=0) for m in (first, grown)]
    assert torch.allclose(found, (4 * cosines[0] + cosines[1]) / 5, atol=1e-6)
    assert torch.equal(stack_features([first, second], (4, 6)), stack_features([first, second], (4, 6), [1.0, 1.0]))


def test_nearer_places_are_more_alike():
    places = position_maps((6, 9), 2)
    assert places.shape == (2, 3, 6, 9)
    origin = places[0, :, 3, 4]
    right = [(origin @ places[0, :, 3, x]).item() for x in range(4, 9)]
    assert right == sorted(right, reverse=True)
    assert right[0] == pytest.approx(1)


def test_places_lie_symmetrically_around_the_middle():
    rows, columns, ahead = position_maps((4, 6), 1)[0]
    torch.testing.assert_close(rows.flip(0), -rows)
    torch.testing.assert_close(columns.flip(1), -columns)
    # Pixel centres, the longer side being one long: (0.5 - 2) / 6 down and (5.5 - 3) / 6 to the right.
    expected = torch.tensor([-1.5 / 6, 2.5 / 6, 1])
    torch.testing.assert_close(torch.stack([rows, columns, ahead])[:, 0, 5], expected / expected.norm())


def test_colours_of_other_brightness_differ():
    grey = torch.tensor([-0.5, 0.5]).view(2, 1, 1, 1).expand(2, 3, 1, 1)
    colors = color_maps(grey)[..., 0, 0]
    assert colors.tolist() == [[-0.5, -0.5, -0.5, 1.0], [0.5, 0.5, 0.5, 1.0]]
    assert torch.cosine_similarity(colors[0], colors[1], dim=0) < 0.9


def test_weights_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match='one of `weights` for each'):
        stack_features([torch.zeros(1, 1, 2, 2)], (2, 2), [1.0, 2.0])
    with pytest.raises(ValueError, match='at least one map'):
        stack_features([], (2, 2))


@pytest.mark.parametrize('form', [torch.contiguous_format, torch.channels_last])
def test_stacked_features_equal_plain_calls_in_any_memory_format_and_inputs_stay(form):
    torch.manual_seed(0)
    maps = [torch.randn(2, 5, 3, 4), torch.randn(2, 7, 6, 8, dtype=torch.float64), torch.randn(2, 3, 9, 5)]
    maps = [m.contiguous(memory_format=form) for m in maps]
    before = [m.clone() for m in maps]
    stacked = stack_features(maps, (6, 8), [1.0, 0.5, 2.0])
    resized = [torch.nn.functional.interpolate(m.double(), (6, 8), mode='bilinear', align_corners=False) for m in maps]
    expected = torch.cat([w * m / m.norm(dim=1, keepdim=True) for w, m in zip((1, 0.5, 2), resized, strict=True)], 1)
    assert stacked.dtype == torch.float32
    torch.testing.assert_close(stacked.double(), expected, atol=1e-6, rtol=1e-5)
    assert all(torch.equal(m, old) for m, old in zip(maps, before, strict=True))


def test_a_vector_of_zeros_stays_zero():
    assert stack_features([torch.zeros(1, 3, 2, 2)], (2, 2)).abs().max() == 0


@pytest.mark.parametrize('form', [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize('dtype', [torch.float16, torch.float32, torch.float64])
def test_features_are_resized_in_float32_with_a_pixels_channels_side_by_side(form, dtype):
    maps = torch.randn(2, 5, 3, 4, generator=torch.Generator().manual_seed(1)).to(dtype).contiguous(memory_format=form)
    before = maps.clone()
    for size in ((6, 10), (3, 4), (2, 2)):
        found = resize_features(maps.requires_grad_(), size)
        expected = F.interpolate(before.double(), size, mode='bilinear', align_corners=False)
        torch.testing.assert_close(found.double(), expected, atol=1e-6, rtol=1e-5)
        assert found.dtype == torch.float32
        assert found.is_contiguous(memory_format=torch.channels_last)
        assert not found.requires_grad
    assert torch.equal(maps, before)
