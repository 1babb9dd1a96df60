"""Matching against brute force over all pairs, on known warps, in chunks of every size."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mmseg_gen.functional.correspondence import Matches, MatchSettings, match_features, matched_values

GRID = (5, 7)
PLACES = GRID[0] * GRID[1]
ALL = torch.arange(PLACES)


def features(seed: int, channels: int = 6) -> torch.Tensor:
    return torch.randn(PLACES, channels, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def cosine_table(generated: torch.Tensor, original: torch.Tensor) -> np.ndarray:
    """All N x N cosines, by numpy loops."""
    table = np.empty((PLACES, PLACES))
    for i, a in enumerate(generated.numpy()):
        for j, b in enumerate(original.numpy()):
            table[i, j] = a @ b / np.sqrt((a @ a) * (b @ b))
    return table


def allowed(i: int, j: int, settings: MatchSettings) -> bool:
    (yi, xi), (yj, xj) = divmod(i, GRID[1]), divmod(j, GRID[1])
    near = settings.window is None or max(abs(yi - yj), abs(xi - xj)) <= settings.window
    return near and not (settings.exclude_self and i == j)


def brute(generated, original, settings: MatchSettings) -> list[list[int]]:
    table = cosine_table(generated, original)
    found = []
    for i in range(PLACES):
        candidates = [j for j in range(PLACES) if allowed(i, j, settings)]
        found.append(sorted(candidates, key=lambda j: -table[i, j])[: settings.neighbors])
    if settings.mutual:
        for i, (j,) in enumerate(found):
            back = max((q for q in range(PLACES) if allowed(j, q, settings)), key=lambda q: table[q, j])
            if back != i:
                found[i] = [-1]
    return found


@pytest.mark.parametrize('chunk', [1, 3, 20, 100, 10_000])
@pytest.mark.parametrize(
    'options',
    [
        {},
        dict(neighbors=4),
        dict(window=2),
        dict(exclude_self=True, neighbors=2),
        dict(window=1, exclude_self=True, neighbors=3),
        dict(mutual=True),
        dict(mutual=True, window=2),
    ],
)
def test_matches_equal_brute_force_in_chunks_of_any_size(options, chunk):
    generated, original, settings = features(0), features(1), MatchSettings(**options)
    found = match_features(generated, original, ALL, GRID, settings, chunk=chunk)
    assert found.index.tolist() == brute(generated, original, settings)
    table = cosine_table(generated, original)
    for i, row in enumerate(found.index.tolist()):
        for k, j in enumerate(row):
            expected = table[i, j] if j >= 0 else -np.inf
            assert found.similarity[i, k].item() == pytest.approx(expected)


def test_only_the_asked_places_are_matched():
    generated, original = features(2), features(3)
    some = torch.tensor([30, 4, 11])
    whole = match_features(generated, original, ALL, GRID)
    assert torch.equal(match_features(generated, original, some, GRID).index, whole.index[some])
    assert match_features(generated, original, ALL[:0], GRID).index.shape == (0, 1)


@pytest.mark.parametrize(('dy', 'dx'), [(1, 2), (-2, 0), (0, -3)])
def test_a_known_shift_is_found(dy, dx):
    original = features(4)
    rows, columns = np.indices(GRID)
    truth = torch.from_numpy(((rows + dy) % GRID[0]) * GRID[1] + (columns + dx) % GRID[1]).flatten()
    generated = 3 * original[truth]
    found = match_features(generated, original, ALL, GRID, MatchSettings(mutual=True))
    assert torch.equal(found.index[:, 0], truth)
    assert torch.allclose(found.similarity, torch.ones_like(found.similarity))


def test_the_first_of_equal_matches_wins():
    same = torch.ones(PLACES, 3)
    assert match_features(same, same, ALL, GRID, chunk=4).index.eq(0).all()


@pytest.mark.parametrize('limit', [1000, 50_000, 120_000])
@pytest.mark.parametrize('dtype', [torch.float32, torch.float64])
def test_memory_is_bounded(monkeypatch, dtype, limit):
    side, seen = 40, []
    big = torch.randn(side * side, 4, generator=torch.Generator().manual_seed(0), dtype=dtype)
    product, dense = torch.Tensor.__matmul__, torch.Tensor.to_dense

    def watched(made):
        seen.append(made.numel())
        return made

    # The product of matrices, and oneDNN's, which takes float32 alone and groups of 32 rows.
    monkeypatch.setattr(torch.Tensor, '__matmul__', lambda a, b: watched(product(a, b)))
    monkeypatch.setattr(torch.Tensor, 'to_dense', lambda a: watched(dense(a)))
    match_features(big, big, torch.arange(side * side), (side, side), MatchSettings(neighbors=3), chunk=limit)
    assert max(seen) <= limit < sum(seen)


@pytest.mark.parametrize('packed', [True, False])
@pytest.mark.parametrize('count', [1, 63, 64, 200, 651])
def test_float32_finds_the_best_match_but_for_rounding(monkeypatch, packed, count):
    """Features as G4Seg has them: enlarged, so that those of the border are equal in pairs, and ties are many."""
    if not packed:
        monkeypatch.setattr(torch.backends.mkldnn, 'is_available', lambda: False)
    grid, generator = (21, 31), torch.Generator().manual_seed(5)
    coarse = torch.randn(2, 24, 5, 8, generator=generator)
    enlarged = torch.nn.functional.interpolate(coarse, grid, mode='bilinear').flatten(2).mT
    generated, original = enlarged[0] + enlarged[1] / 2, enlarged[1]
    queries = torch.randperm(len(original), generator=generator)[:count]
    found = match_features(generated, original, queries, grid)
    a, b = generated[queries].double().numpy(), original.double().numpy()
    table = a @ b.T / np.linalg.norm(a, axis=1)[:, None] / np.linalg.norm(b, axis=1)
    taken = table[np.arange(count), found.index[:, 0]]
    # Seven digits of float32, over sums of 24 products of at most 1 in all.
    assert (taken >= table.max(1) - 1e-6).all()
    assert np.abs(found.similarity[:, 0].numpy() - taken).max() < 1e-6


def test_equal_matches_give_the_first_however_many_rows_are_multiplied():
    side, generator = 24, torch.Generator().manual_seed(6)
    original = torch.randn(8, 16, generator=generator).repeat_interleave(side * side // 8, 0)
    found = match_features(original, original, torch.arange(side * side), (side, side))
    assert torch.equal(found.index[:, 0], torch.arange(8).repeat_interleave(side * side // 8) * (side * side // 8))


def test_similarities_carry_a_gradient():
    original = features(7).float()
    generated = features(8).float().requires_grad_()
    match_features(generated, original, ALL, GRID).similarity.sum().backward()
    assert generated.grad.abs().sum() > 0


def test_matched_values_equal_a_loop():
    matches = Matches(
        torch.tensor([[2, 0], [1, -1], [-1, -1]]), torch.tensor([[0.9, 0.5], [0.3, -np.inf], [-np.inf] * 2])
    )
    values, own = torch.tensor([0.1, 0.4, 0.8]), torch.tensor([0.0, 0.0, 0.7])
    plain = matched_values(values, matches, own)
    assert torch.allclose(plain, torch.tensor([0.45, 0.4, 0.7]))
    soft = matched_values(values, matches, own, temperature=0.2)
    w = np.exp(-0.4 / 0.2)
    assert torch.allclose(soft, torch.tensor([(0.8 + w * 0.1) / (1 + w), 0.4, 0.7]).float())


@pytest.mark.parametrize(
    ('options', 'name'),
    [
        (dict(neighbors=0), 'neighbors'),
        (dict(window=0), 'window'),
        (dict(mutual=True, neighbors=2), 'neighbors'),
        (dict(temperature=0), 'temperature'),
    ],
)
def test_wrong_settings_are_refused(options, name):
    with pytest.raises(ValueError, match=f'Expected `{name}`'):
        MatchSettings(**options)


def test_half_precision_neither_overflows_nor_loses_a_query():
    # The length of these vectors is beyond float16, and nothing may be divided by the length of none.
    original = features(0)
    original = (6e4 * original / original.abs().amax()).half()
    generated = original.roll(3, 0)
    generated[0] = 0
    found = match_features(generated, original, ALL, GRID)
    assert found.index[1:, 0].tolist() == [(i - 3) % PLACES for i in range(1, PLACES)]
    assert found.similarity[1:].min() > 0.999
    assert found.index[0, 0] == 0
    assert found.similarity[0, 0] == 0


@pytest.mark.parametrize('wrong', [-1, PLACES])
def test_places_outside_the_grid_are_refused(wrong):
    with pytest.raises(ValueError, match=rf'`queries` in \[0, {PLACES}\), but got .*{wrong}'):
        match_features(features(0), features(1), torch.tensor([2, wrong]), GRID)


def test_wrong_features_are_refused():
    good = features(0)
    with pytest.raises(ValueError, match='Expected `generated` of shape'):
        match_features(good[1:], good, ALL, GRID)
    with pytest.raises(ValueError, match='Expected `generated` of shape'):
        match_features(good[:0], good[:0], ALL[:0], (0, 7))
    with pytest.raises(ValueError, match='Expected equal channels'):
        match_features(good, good[:, 1:], ALL, GRID)
    with pytest.raises(ValueError, match='Expected `neighbors` of at most 3'):
        match_features(good, good, ALL, GRID, MatchSettings(neighbors=4, window=1, exclude_self=True))
    bad = good.clone()
    bad[3, 1] = np.nan
    with pytest.raises(ValueError, match='Expected finite `original`'):
        match_features(good, bad, ALL, GRID)
