import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy import ndimage

from mmseg_gen.generators.capture import AttentionRecorder
from mmseg_gen.generators.evidence import collect_evidence
from mmseg_gen.generators.latents import draw_noise
from mmseg_gen.generators.sampling import sample_latents
from mmseg_gen.generators.text import encode_prompts
from tests.tiny_models import tiny_parts

SIZE = (6, 8)
POSITIONS = [[2], [2, 3]]
SETTINGS = dict(top_k=2, tau=0.5, num_seeds=4, seeds=[1, 2])


@pytest.fixture(scope='module')
def recorder():
    parts = tiny_parts()
    recorder = AttentionRecorder(parts.unet, SIZE)
    context, empty = encode_prompts(parts, ['a cat', 'a red bird']), encode_prompts(parts, [''])
    sample_latents(parts, context, empty, draw_noise(parts, [1, 2], SIZE), steps=2, recorder=recorder)
    return recorder


def dense_self_attention(recorder, index):
    """Resize every level over keys and queries and average: the matrix that the library never builds."""
    pixels = SIZE[0] * SIZE[1]
    total = 0
    for weight, matrix, grid in recorder.self_levels(index):
        keys = F.interpolate(matrix.reshape(-1, 1, *grid), SIZE, mode='bilinear').reshape(-1, pixels)
        queries = F.interpolate(keys.T.reshape(-1, 1, *grid), SIZE, mode='bilinear').reshape(pixels, pixels).T
        total = total + weight * queries / queries.sum(1, keepdim=True)
    return (total + total.T) / 2


def test_evidence_equals_the_definition(recorder):
    found = collect_evidence(recorder, POSITIONS, **SETTINGS)
    maps = recorder.cross_maps(POSITIONS)
    for i, evidence in enumerate(found):
        for layer, own in enumerate(maps):
            expected = F.interpolate(own[i][None, None], SIZE, mode='bilinear')[0, 0]
            np.testing.assert_allclose(evidence.cross[layer], expected, rtol=1e-5, atol=1e-7)
            np.testing.assert_allclose(evidence.deviation[layer], own[i].numpy().std(), rtol=1e-4)
        dense = dense_self_attention(recorder, i).reshape(*SIZE, *SIZE).numpy()
        right = np.stack([[dense[y, x, y, x + 1] for x in range(SIZE[1] - 1)] for y in range(SIZE[0])])
        ratio = evidence.affinity[0, :, :-1] / right
        np.testing.assert_allclose(ratio, ratio[0, 0], rtol=1e-4)
        assert evidence.affinity.max() == pytest.approx(1)
        assert evidence.seed_map.shape == SIZE
        assert (evidence.seed_map.min(), evidence.seed_map.max()) == (0, 1)


def test_the_seed_map_is_the_mean_row_of_boundary_pixels(recorder):
    every = collect_evidence(recorder, POSITIONS, **SETTINGS | dict(num_seeds=1000))
    for i, evidence in enumerate(every):
        layers = np.argsort(-evidence.deviation, kind='stable')[:2]
        mean = evidence.cross[layers].mean(0)
        mask = (mean - mean.min()) / (mean.max() - mean.min()) > 0.5
        inner = mask & ~ndimage.binary_erosion(mask, border_value=1)
        dense = dense_self_attention(recorder, i).reshape(*SIZE, *SIZE).numpy()
        rows = np.stack([dense[y, x] for y, x in np.argwhere(inner)])
        if len(rows) > 1:
            # Entries above the largest neighbour affinity are cut, so compare where none is.
            free = (rows < dense_neighbor_top(dense)).all(0)
            ours, theirs = evidence.seed_map[free], rows.mean(0)[free]
            assert np.corrcoef(ours.ravel(), theirs.ravel())[0, 1] > 0.999


def dense_neighbor_top(dense):
    height, width = SIZE
    pairs = [
        dense[y, x, y + dy, x + dx]
        for y in range(height) for x in range(width) for dy, dx in ((0, 1), (1, 0), (1, 1), (1, -1))
        if y + dy < height and 0 <= x + dx < width
    ]  # fmt: skip
    return max(pairs)


def test_seeds_decide_the_draw_per_sample(recorder):
    first = collect_evidence(recorder, POSITIONS, **SETTINGS | dict(num_seeds=1))
    again = collect_evidence(recorder, POSITIONS, **SETTINGS | dict(num_seeds=1))
    np.testing.assert_array_equal(first[0].seed_map, again[0].seed_map)
    others = [collect_evidence(recorder, POSITIONS, **SETTINGS | dict(num_seeds=1, seeds=[s, 2])) for s in range(8)]
    assert any(not np.array_equal(first[0].seed_map, other[0].seed_map) for other in others)
    assert all(np.array_equal(first[1].seed_map, other[1].seed_map) for other in others)


def test_an_even_map_has_no_seeds(recorder, monkeypatch):
    even = [torch.full_like(m, 0.1) for m in recorder.cross_maps(POSITIONS)]
    monkeypatch.setattr(recorder, 'cross_maps', lambda positions: even)
    assert all((e.seed_map == 0).all() for e in collect_evidence(recorder, POSITIONS, **SETTINGS))


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (dict(seeds=[1]), '`seeds`'),
        (dict(tau=0), '`tau`'),
        (dict(num_seeds=0), '`num_seeds`'),
        (dict(top_k=99), '`top_k`'),
    ],
)
def test_wrong_settings_are_refused(recorder, change, message):
    with pytest.raises(ValueError, match=message):
        collect_evidence(recorder, POSITIONS, **SETTINGS | change)
