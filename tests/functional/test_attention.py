import numpy as np
import pytest
import torch

from mmseg_gen.functional.attention import (
    NEIGHBORS,
    layer_deviation,
    min_max,
    neighbor_affinity,
    resize_maps,
    rows_at,
    top_layers_mean,
)
from tests.references.resized_attention import neighbor_entries, resized_attention

GRIDS = [(5, 7), (3, 4), (10, 14)]
SIZE = (5, 7)


def make_levels(seed=0, grids=GRIDS, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    return [
        (i + 0.5, torch.randn(h * w, h * w, generator=generator, dtype=dtype).mul(2).softmax(-1), (h, w))
        for i, (h, w) in enumerate(grids)
    ]


def make_maps(samples=3):
    generator = torch.Generator().manual_seed(1)
    return [torch.rand(samples, h, w, generator=generator) * (i + 1) for i, (h, w) in enumerate(GRIDS)]


def test_deviation_equals_numpy_layer_by_layer():
    maps = make_maps()
    expected = [[np.std(m[n].numpy()) for m in maps] for n in range(3)]
    np.testing.assert_allclose(layer_deviation(maps), expected, rtol=1e-5)


def test_top_layers_mean_equals_a_loop():
    maps = make_maps()
    deviation, resized = layer_deviation(maps), resize_maps(maps, (6, 9))
    for top_k in (1, 2, 3):
        mean = top_layers_mean(resized, deviation, top_k)
        for n in range(3):
            order = sorted(range(3), key=lambda i: -deviation[n, i])[:top_k]
            torch.testing.assert_close(mean[n], sum(resized[n, i] for i in order) / top_k)


def test_equal_deviations_take_the_first_layer():
    maps = torch.arange(3.0).reshape(1, 3, 1, 1)
    assert top_layers_mean(maps, torch.ones(1, 3), 1).item() == 0


def test_resize_keeps_maps_of_that_size_and_constants():
    maps = make_maps()
    resized = resize_maps([*maps, torch.full((3, 2, 2), 0.3)], SIZE)
    assert resized.shape == (3, 4, *SIZE)
    torch.testing.assert_close(resized[:, 0], maps[0])
    torch.testing.assert_close(resized[:, 3], torch.full((3, *SIZE), 0.3))


def test_maps_are_resized_about_pixel_centres():
    # A ramp sampled at the centres of 4 cells, at those of 8: linear inside, constant beyond the outermost centres.
    ramp = torch.tensor([0.5, 1.5, 2.5, 3.5])
    finer = torch.tensor([0.5, 0.75, 1.25, 1.75, 2.25, 2.75, 3.25, 3.5])
    wide = resize_maps([ramp[None, None].expand(1, 3, 4)], (3, 8))
    torch.testing.assert_close(wide[0, 0], finer.expand(3, 8))
    tall = resize_maps([ramp[None, :, None].expand(1, 4, 3)], (8, 3))
    torch.testing.assert_close(tall[0, 0], finer[:, None].expand(8, 3))


def test_samples_of_a_batch_do_not_interact():
    maps = make_maps()
    alone = [m[1:2] for m in maps]
    whole = top_layers_mean(resize_maps(maps, SIZE), layer_deviation(maps), 2)[1:2]
    torch.testing.assert_close(top_layers_mean(resize_maps(alone, SIZE), layer_deviation(alone), 2), whole)


@pytest.mark.parametrize('top_k', [0, 4])
def test_top_k_outside_the_layers_is_refused(top_k):
    with pytest.raises(ValueError, match=rf'`top_k` in \[1, 3\].*{top_k}'):
        top_layers_mean(torch.zeros(1, 3, 2, 2), torch.zeros(1, 3), top_k)


def test_deviation_of_another_shape_is_refused():
    with pytest.raises(ValueError, match='`deviation`'):
        top_layers_mean(torch.zeros(2, 3, 2, 2), torch.zeros(1, 3), 1)


def test_min_max_reaches_both_ends_and_leaves_its_input():
    maps = torch.randn(2, 3, 4, 5)
    before = maps.clone()
    scaled = min_max(maps)
    assert (scaled.amin((-2, -1)) == 0).all()
    assert (scaled.amax((-2, -1)) == 1).all()
    assert torch.equal(maps, before)


def test_min_max_of_a_constant_map_is_zero():
    assert torch.equal(min_max(torch.full((2, 3), 7.0)), torch.zeros(2, 3))


@pytest.mark.parametrize('size', [(5, 7), (6, 9), (4, 3), (1, 5)])
def test_neighbor_affinity_equals_the_full_resize(size):
    levels = make_levels()
    entries = neighbor_entries(resized_attention(levels, size), size, NEIGHBORS)
    torch.testing.assert_close(neighbor_affinity(levels, size), entries / entries.max())


@pytest.mark.parametrize('size', [(5, 7), (6, 9), (4, 3)])
def test_rows_equal_the_full_resize(size):
    levels = make_levels()
    matrix = resized_attention(levels, size)
    pixels = torch.tensor([[0, 0], [3, 2], [size[0] - 1, size[1] - 1]])
    expected = matrix[pixels[:, 0] * size[1] + pixels[:, 1]] / neighbor_entries(matrix, size, NEIGHBORS).max()
    torch.testing.assert_close(rows_at(levels, size, pixels), expected.clamp(max=1).reshape(3, *size))


def test_rows_agree_with_the_neighbor_affinity():
    levels = make_levels()
    affinity, row = neighbor_affinity(levels, SIZE), rows_at(levels, SIZE, torch.tensor([[2, 3]]))[0]
    for k, (dy, dx) in enumerate(NEIGHBORS):
        torch.testing.assert_close(row[2 + dy, 3 + dx], affinity[k, 2, 3])
        torch.testing.assert_close(row[2 - dy, 3 - dx], affinity[k, 2 - dy, 3 - dx])


def test_affinity_lies_in_the_unit_interval_and_is_zero_outside():
    affinity = neighbor_affinity(make_levels(dtype=torch.float32), SIZE)
    assert affinity.dtype == torch.float32
    assert affinity.max() == 1
    assert affinity.min() == 0
    assert (affinity[0, :, -1] == 0).all()
    assert (affinity[1, -1] == 0).all()
    assert (affinity[2, :, -1] == 0).all()
    assert (affinity[3, :, 0] == 0).all()


def test_scaling_all_weights_changes_nothing_and_levels_stay_as_they_were():
    levels = make_levels()
    before = [a.clone() for _, a, _ in levels]
    twice = [(2 * w, a, g) for w, a, g in levels]
    torch.testing.assert_close(neighbor_affinity(levels, SIZE), neighbor_affinity(twice, SIZE))
    assert all(torch.equal(a, b) for (_, a, _), b in zip(levels, before, strict=True))


def test_no_pixel_gives_no_row():
    assert rows_at(make_levels(), SIZE, torch.zeros(0, 2, dtype=torch.long)).shape == (0, *SIZE)


def test_half_precision_is_widened():
    levels = [(1.0, make_levels(grids=[(4, 4)])[0][1].half(), (4, 4))]
    assert neighbor_affinity(levels, (4, 4)).dtype == torch.float32


@pytest.mark.parametrize('value', [float('nan'), float('inf'), -0.1])
def test_bad_attention_is_refused(value):
    levels = make_levels()
    levels[1][1][2, 3] = value
    with pytest.raises(ValueError, match='self-attention'):
        neighbor_affinity(levels, SIZE)


@pytest.mark.parametrize(
    ('levels', 'match'),
    [
        ([], 'at least one'),
        ([(1.0, torch.ones(4, 4), (3, 2))], '3 x 2 grid'),
        ([(0.0, torch.ones(4, 4), (2, 2))], 'weight'),
    ],
)
def test_misfit_levels_are_refused(levels, match):
    with pytest.raises(ValueError, match=match):
        neighbor_affinity(levels, (2, 2))


@pytest.mark.parametrize('pixel', [[5, 0], [0, 7], [-1, 0]])
def test_pixels_outside_are_refused(pixel):
    with pytest.raises(ValueError, match='`pixels`'):
        rows_at(make_levels(), SIZE, torch.tensor([pixel]))
