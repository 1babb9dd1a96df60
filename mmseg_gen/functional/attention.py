"""From recorded attention to class map and neighbour affinities (AttentionCut; DiffusionSeg, Sec. 3.2).

Shape letters: N samples, L layers, ``(h, w)`` a layer's own grid, n = h * w, ``(H, W)`` the working grid,
M chosen pixels. A *level* is ``(weight, attention, (h, w))`` with ``attention`` ``(n, n)``: row p is the
softmax of pixel p over all keys. Its resized form (bilinear over the query and over the key axis, each row
then divided by its sum, as in DiffSeg) has four non-zero weights per axis and pixel, so single entries are
read without ever building ``(HW)^2``.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

# Half of the eight neighbours as (dy, dx); the other half are the same edges seen from the other end.
NEIGHBORS = ((0, 1), (1, 0), (1, 1), (1, -1))

Level = tuple[float, Tensor, tuple[int, int]]


def layer_deviation(maps: Sequence[Tensor]) -> Tensor:
    """Return the standard deviation over pixels of each layer's raw map, ``(N, L)``.

    It must see raw probabilities: after a min-max every layer would look alike.

    Args:
        maps: L maps ``(N, h, w)``, each at its own resolution.
    """
    return torch.stack([m.flatten(1).std(1, correction=0) for m in maps], 1)


def resize_maps(maps: Sequence[Tensor], size: tuple[int, int]) -> Tensor:
    """Return the maps on one grid, bilinear, ``(N, L, H, W)``.

    Args:
        maps: L maps ``(N, h, w)``.
        size: Height and width of the working grid.
    """
    resized = [F.interpolate(m[:, None], size, mode='bilinear', align_corners=False) for m in maps]
    return torch.cat(resized, 1)


def top_layers_mean(maps: Tensor, deviation: Tensor, top_k: int) -> Tensor:
    """Return the mean of the layers of largest deviation, ``(N, H, W)``; of equal ones the earlier counts.

    Args:
        maps: Maps on one grid, ``(N, L, H, W)``.
        deviation: From :func:`layer_deviation`, ``(N, L)``.
        top_k: Number of layers to average, in [1, L].

    Raises:
        ValueError: ``top_k`` is out of range or the shapes disagree.
    """
    if deviation.shape != maps.shape[:2]:
        raise ValueError(f'Expected `deviation` of shape {tuple(maps.shape[:2])}, but got {tuple(deviation.shape)}.')
    if not 1 <= top_k <= maps.shape[1]:
        raise ValueError(f'Expected `top_k` in [1, {maps.shape[1]}], the number of layers, but got {top_k}.')
    chosen = deviation.sort(dim=1, descending=True, stable=True).indices[:, :top_k]
    return maps.gather(1, chosen[..., None, None].expand(-1, -1, *maps.shape[2:])).mean(1)


def min_max(maps: Tensor) -> Tensor:
    """Return each map stretched to [0, 1]; a constant map becomes zeros.

    Args:
        maps: ``(..., H, W)``, finite.

    Example:
        >>> min_max(torch.tensor([[1.0, 2.0, 5.0]]))
        tensor([[0.0000, 0.2500, 1.0000]])
    """
    low, high = maps.amin((-2, -1), keepdim=True), maps.amax((-2, -1), keepdim=True)
    span = high - low
    return torch.where(span > 0, (maps - low) / torch.where(span > 0, span, 1), 0)


def neighbor_affinity(levels: Sequence[Level], size: tuple[int, int]) -> Tensor:
    """Return the self-attention between neighbours, ``(4, H, W)`` in [0, 1], by direction of ``NEIGHBORS``.

    Entry ``[k, y, x]`` is the weighted mean over levels of the resized, row-normalised attention between (y,
    x) and its k-th neighbour, averaged over the two directions, and 0 where that neighbour lies outside. All
    is divided by the largest neighbour affinity: the paper leaves the scale open, raw rows are about 1 / HW
    and every lambda of the text would vanish; the largest off-diagonal entry of the whole matrix would need
    ``(HW)^2``, and on a smooth map it is one of these.

    Args:
        levels: Attention by layer; the weights are positive and need not sum to 1.
        size: Height and width of the working grid.

    Raises:
        ValueError: No level, a shape that does not fit its grid, a weight that is not positive, NaN or
            negative attention.
    """
    raw = _raw_neighbors(_checked(levels), size)
    top = raw.max()
    return raw / top if top > 0 else raw


def rows_at(levels: Sequence[Level], size: tuple[int, int], pixels: Tensor) -> Tensor:
    """Return the symmetrised attention between chosen pixels and all others, ``(M, H, W)`` in [0, 1].

    Same definition and scale as :func:`neighbor_affinity`, with which it agrees at neighbouring pixels.
    Entries above the largest neighbour affinity (a pixel's attention to itself, as a rule) are cut at 1, so
    that a seed does not outshine everything that it resembles.

    Args:
        levels: As in :func:`neighbor_affinity`.
        size: Height and width of the working grid.
        pixels: Row and column of each chosen pixel, long ``(M, 2)``.

    Raises:
        ValueError: As in :func:`neighbor_affinity`, or a pixel lies outside the grid.
    """
    height, width = size
    limit = torch.tensor([height, width], device=pixels.device)
    if pixels.ndim != 2 or pixels.shape[1] != 2 or (pixels < 0).any() or (pixels >= limit).any():
        raise ValueError(f'Expected `pixels` of shape (M, 2) inside {height} x {width}, but got {pixels.tolist()[:5]}.')
    flat = pixels[:, 0] * width + pixels[:, 1]
    levels = _checked(levels)
    total = levels[0][1].new_zeros(len(pixels), height * width)
    for weight, attention, grid in levels:
        index, share = _taps(grid, size, attention)
        sums = _row_sums(attention, index, share)
        own_index, own_share = index[flat], share[flat]
        from_seed = (attention[own_index] * own_share[..., None]).sum(1) / sums[flat][:, None]
        rows = (from_seed[:, index] * share).sum(-1)
        to_seed = (attention[:, own_index] * own_share).sum(-1)
        columns = (to_seed[index] * share[..., None]).sum(1) / sums[:, None]
        total = total + weight * (rows + columns.T) / 2
    top = _raw_neighbors(levels, size).max()
    rows = (total / top).clamp(max=1) if top > 0 else total * 0
    return rows.reshape(-1, height, width)


def _checked(levels: Sequence[Level]) -> list[Level]:
    """Return the levels in float32 or better, weights summing to 1."""
    if not levels:
        raise ValueError('Expected `levels` to hold at least one attention matrix, but got none.')
    for weight, attention, (height, width) in levels:
        if tuple(attention.shape) != (height * width,) * 2:
            raise ValueError(
                f'Expected a level on a {height} x {width} grid to have shape {(height * width,) * 2}, '
                f'but got {tuple(attention.shape)}.'
            )
        if not weight > 0:
            raise ValueError(f'Expected the weight of a level to be positive, but got {weight}.')
        if not torch.isfinite(attention).all() or (attention < 0).any():
            raise ValueError(
                'Expected self-attention to be finite and not negative, but got NaN, infinite or negative.'
            )
    total = sum(weight for weight, _, _ in levels)
    wide = [a if a.dtype == torch.float64 else a.float() for _, a, _ in levels]
    return [(weight / total, a, grid) for (weight, _, grid), a in zip(levels, wide, strict=True)]


def _axis_taps(inside: int, outside: int, like: Tensor) -> tuple[Tensor, Tensor]:
    """Return two source cells and their weights for each output cell, ``(outside, 2)`` each."""
    at = ((torch.arange(outside, device=like.device, dtype=like.dtype) + 0.5) * (inside / outside) - 0.5).clamp(min=0)
    first = at.floor().long().clamp(max=inside - 1)
    second = (first + 1).clamp(max=inside - 1)
    fraction = at - first
    return torch.stack([first, second], 1), torch.stack([1 - fraction, fraction], 1)


def _taps(grid: tuple[int, int], size: tuple[int, int], like: Tensor) -> tuple[Tensor, Tensor]:
    """Return flat source cells and weights of each output pixel, ``(HW, 4)`` each."""
    rows, row_share = _axis_taps(grid[0], size[0], like)
    columns, column_share = _axis_taps(grid[1], size[1], like)
    index = rows[:, None, :, None] * grid[1] + columns[None, :, None, :]
    share = row_share[:, None, :, None] * column_share[None, :, None, :]
    return index.reshape(-1, 4), share.reshape(-1, 4)


def _row_sums(attention: Tensor, index: Tensor, share: Tensor) -> Tensor:
    """Return the sum of each row of the resized attention, ``(HW,)``; 1 in place of 0."""
    used = attention.new_zeros(len(attention)).index_add_(0, index.flatten(), share.flatten())
    sums = ((attention @ used)[index] * share).sum(1)
    return torch.where(sums > 0, sums, 1)


def _raw_neighbors(levels: Sequence[Level], size: tuple[int, int]) -> Tensor:
    """Return the symmetrised neighbour entries before scaling, ``(4, H, W)``."""
    height, width = size
    out = levels[0][1].new_zeros(4, height, width)
    pixel = torch.arange(height * width, device=out.device).reshape(height, width)
    for weight, attention, grid in levels:
        index, share = _taps(grid, size, attention)
        sums = _row_sums(attention, index, share)
        for k, (dy, dx) in enumerate(NEIGHBORS):
            columns = slice(max(0, -dx), width - max(0, dx))
            inside = pixel[: height - dy, columns]
            here = inside.flatten()
            there = here + dy * width + dx
            for p, q in ((here, there), (there, here)):
                entries = attention[index[p][:, :, None], index[q][:, None, :]]
                value = (entries * share[p][:, :, None] * share[q][:, None, :]).sum((1, 2)) / sums[p]
                out[k, : height - dy, columns] += weight / 2 * value.reshape(inside.shape)
    return out
