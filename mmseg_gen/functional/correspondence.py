"""Semantic correspondence: for each pixel of one image its best match in another (G4Seg, Eq. 8), in bounded memory.

Shape letters: M queries, N keys, C channels, k matches, ``(h, w)`` the grid of the features.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

# Similarities held at once: on a CPU 2 MB, which stay in its cache until the largest is found.
CHUNK, CHUNK_CPU = 2**22, 2**19
# oneDNN compiles a kernel for each number of rows: multiples of this one are few.
_ROWS = 32


@dataclass(frozen=True)
class MatchSettings:
    """How correspondences are searched.

    Attributes:
        neighbors: Best matches of each pixel that vote, k; 1 in the paper, more are ours.
        window: Search only this many cells up, down, left and right of the pixel's own place; None everywhere (paper).
        mutual: Drop a match unless the pixel is in turn the best match of its match.
        exclude_self: Never match a pixel with its own place: two images that differ little match there always.
        temperature: Softmax temperature of the cosine similarity that weighs the k votes; None weighs them alike.

    Raises:
        ValueError: A value is out of range, or ``mutual`` comes with more than one neighbour.
    """

    neighbors: int = 1
    window: int | None = None
    mutual: bool = False
    exclude_self: bool = False
    temperature: float | None = None

    def __post_init__(self) -> None:
        if self.neighbors < 1:
            raise ValueError(f'Expected `neighbors` to be 1 or more, but got {self.neighbors}.')
        if self.window is not None and self.window < 1:
            raise ValueError(f'Expected `window` to be 1 or more cells, or None, but got {self.window}.')
        if self.mutual and self.neighbors > 1:
            raise ValueError(f'Expected `neighbors` 1 with `mutual`, but got {self.neighbors}.')
        if self.temperature is not None and not self.temperature > 0:
            raise ValueError(f'Expected `temperature` to be positive, or None, but got {self.temperature}.')


@dataclass(frozen=True)
class Matches:
    """Matches of M pixels.

    Attributes:
        index: Place of each match in the other image, row by row, int64 ``(M, k)``, best first; -1 where there is none.
        similarity: Its cosine similarity in [-1, 1], ``(M, k)``; -inf where there is none.
    """

    index: Tensor
    similarity: Tensor


def match_features(
    generated: Tensor,
    original: Tensor,
    queries: Tensor,
    grid: tuple[int, int],
    settings: MatchSettings | None = None,
    *,
    chunk: int | None = None,
) -> Matches:
    """Return, for some pixels of the generated image, the most similar pixels of the original.

    The text of Eq. 8 has the smallest "cosine similarity metric": a distance is meant, so the largest similarity wins;
    of equal ones the first. No more than ``chunk`` similarities exist at once.

    Args:
        generated: Features of the generated image, ``(h * w, C)``; half precision is widened.
        original: Features of the original image, likewise.
        queries: Places to match, int64 ``(M,)`` in [0, h * w).
        grid: h and w.
        settings: None for the paper's.
        chunk: Similarities held at once, at least 1; None for ``CHUNK``, on a CPU ``CHUNK_CPU``.

    Raises:
        ValueError: Shapes do not fit, ``neighbors`` exceeds the places searched, a query is outside the grid, or
            features are not finite.
    """
    settings = settings or MatchSettings()
    _check(generated, original, grid, settings)
    if len(queries) and not 0 <= int(queries.min()) <= int(queries.max()) < len(generated):
        raise ValueError(
            f'Expected `queries` in [0, {len(generated)}), but got {int(queries.min())} to {int(queries.max())}.'
        )
    # The squares of a vector's length leave the range of float16.
    generated, original = (f if f.dtype == torch.float64 else f.float() for f in (generated, original))
    chunk = chunk or (CHUNK_CPU if original.device.type == 'cpu' else CHUNK)
    keys, chosen = F.normalize(original, dim=1), F.normalize(generated[queries], dim=1)
    found = _search(chosen, keys, queries, grid, settings, chunk)
    if not settings.mutual or not len(queries):
        return found
    back = torch.unique(found.index[:, 0].clamp(min=0))
    returned = _search(keys[back], F.normalize(generated, dim=1), back, grid, settings, chunk)
    home = torch.full((len(keys),), -1, dtype=torch.int64, device=keys.device)
    home[back] = returned.index[:, 0]
    kept = (home[found.index[:, 0].clamp(min=0)] == queries)[:, None]
    lost = torch.full_like(found.similarity, -torch.inf)
    return Matches(torch.where(kept, found.index, -1), torch.where(kept, found.similarity, lost))


def _check(generated: Tensor, original: Tensor, grid: tuple[int, int], settings: MatchSettings) -> None:
    for name, features in (('generated', generated), ('original', original)):
        if features.ndim != 2 or len(features) != grid[0] * grid[1] or not features.numel():
            raise ValueError(
                f'Expected `{name}` of shape ({grid[0] * grid[1]}, C) for the grid {grid}, but got '
                f'{tuple(features.shape)}.'
            )
        # The extremes tell as much as each number does, at a tenth of the cost.
        if not torch.isfinite(torch.stack([features.amin(), features.amax()])).all():
            raise ValueError(f'Expected finite `{name}` features, but got NaN or infinite values; use float32.')
    if generated.shape[1] != original.shape[1]:
        raise ValueError(f'Expected equal channels, but got {generated.shape[1]} and {original.shape[1]}.')
    # The fewest candidates are those of a corner.
    sides = grid if settings.window is None else tuple(min(side, settings.window + 1) for side in grid)
    places = sides[0] * sides[1] - settings.exclude_self
    if settings.neighbors > places:
        raise ValueError(f'Expected `neighbors` of at most {places} places searched, but got {settings.neighbors}.')


def _search(
    queries: Tensor, keys: Tensor, places: Tensor, grid: tuple[int, int], settings: MatchSettings, chunk: int
) -> Matches:
    """Return the best k keys of each query; unit vectors ``(M, C)`` and ``(N, C)``."""
    rows = max(1, chunk // len(keys))
    packed = None if queries.requires_grad or rows < _ROWS else _packed(keys)
    rows = max(1, min(rows, len(queries))) if packed is None else rows - rows % _ROWS
    columns = max(settings.neighbors, min(len(keys), chunk // rows))
    parts = [
        _search_rows(queries[i : i + rows], keys, packed, places[i : i + rows], grid, settings, columns)
        for i in range(0, len(queries), rows)
    ]
    if not parts:
        empty = (0, settings.neighbors)
        return Matches(places.new_zeros(empty), keys.new_zeros(empty))
    return Matches(torch.cat([p.index for p in parts]), torch.cat([p.similarity for p in parts]))


def _search_rows(
    queries: Tensor,
    keys: Tensor,
    packed: Tensor | None,
    places: Tensor,
    grid: tuple[int, int],
    settings: MatchSettings,
    columns: int,
) -> Matches:
    k = settings.neighbors
    best = Matches(
        torch.full((len(queries), k), -1, dtype=torch.int64, device=keys.device),
        torch.full((len(queries), k), -torch.inf, dtype=keys.dtype, device=keys.device),
    )
    for start in range(0, len(keys), columns):
        stop = min(start + columns, len(keys))
        similarity = _products(queries, keys[start:stop], packed)
        index = torch.arange(start, stop, device=keys.device)
        barred = _barred(places, index, grid, settings)
        if barred is not None:
            similarity = similarity.masked_fill(barred, -torch.inf)
        best = _merge(best, similarity, index, k)
    return best


def _packed(keys: Tensor) -> Tensor | None:
    """Return the keys as oneDNN takes them, or None where it cannot."""
    fits = keys.device.type == 'cpu' and keys.dtype == torch.float32 and not keys.requires_grad
    return keys.to_mkldnn() if fits and torch.backends.mkldnn.is_available() else None


def _products(queries: Tensor, keys: Tensor, packed: Tensor | None) -> Tensor:
    """Return the products of all pairs of vectors, ``(M, n)``, by oneDNN where the keys are packed.

    PyTorch's own are MKL's, which took twice as long on a processor of AMD's.
    """
    if packed is None:
        return queries @ keys.T
    padded = F.pad(queries, (0, 0, 0, -len(queries) % _ROWS))
    return F.linear(padded.to_mkldnn(), packed).to_dense()[: len(queries)]


def _barred(places: Tensor, index: Tensor, grid: tuple[int, int], settings: MatchSettings) -> Tensor | None:
    """Return where a pair is not allowed, bool ``(M, n)``."""
    barred = None
    if settings.window is not None:
        dy = places[:, None] // grid[1] - index // grid[1]
        dx = places[:, None] % grid[1] - index % grid[1]
        barred = torch.maximum(dy.abs(), dx.abs()) > settings.window
    if settings.exclude_self:
        own = places[:, None] == index
        barred = own if barred is None else barred | own
    return barred


def _merge(best: Matches, similarity: Tensor, index: Tensor, k: int) -> Matches:
    """Return the best k of those known and those of a further chunk; of equal ones the earlier."""
    if k == 1:
        # The first of equal values; topk gives any.
        at = _first_largest(similarity)[:, None]
        value = similarity.gather(1, at)
        further = value > best.similarity
        return Matches(torch.where(further, index[at], best.index), torch.where(further, value, best.similarity))
    own = similarity.topk(min(k, similarity.shape[1]), dim=1)
    values = torch.cat([best.similarity, own.values], 1)
    places = torch.cat([best.index, index[own.indices]], 1)
    top = values.topk(k, dim=1)
    return Matches(places.gather(1, top.indices), top.values)


def _first_largest(rows: Tensor) -> Tensor:
    """Return the place of each row's largest number, of equal ones the first, int64 ``(M,)``."""
    if rows.device.type == 'cpu':
        # numpy's takes a tenth of the time of PyTorch's.
        return torch.from_numpy(rows.detach().numpy().argmax(1))
    return rows.max(1).indices


def matched_values(values: Tensor, matches: Matches, own: Tensor, temperature: float | None = None) -> Tensor:
    """Return the mean of the values at each pixel's matches, ``S[delta_j]`` of Eq. 9, ``(M,)``.

    Args:
        values: One number per place, ``(N,)``.
        matches: Of M pixels.
        own: Value of each pixel itself, ``(M,)``, taken where it has no match.
        temperature: See :class:`MatchSettings`.
    """
    valid = matches.index >= 0
    votes = values[matches.index.clamp(min=0)]
    if temperature is None:
        weight = valid.to(votes.dtype)
    else:
        shifted = matches.similarity - matches.similarity[:, :1]
        weight = torch.where(valid, (shifted / temperature).exp(), 0.0).to(votes.dtype)
    total = weight.sum(1)
    mean = (weight * votes).sum(1) / total.clamp(min=torch.finfo(votes.dtype).tiny)
    return torch.where(total > 0, mean, own)
