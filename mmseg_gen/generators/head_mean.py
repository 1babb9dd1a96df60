"""Mean attention over heads on a GPU, without its probabilities in memory: two Triton kernels.

Explicit attention writes and reads ``(B, H, Q, K)`` probabilities several times. Here the first kernel keeps one
number for each query and head, the logarithm of the sum of exponentials; the second walks over the heads of one
tile of ``(Q, K)`` and adds their mean to the running sum, which is read and written once. What is paid for it is one
more product of queries and keys. No atomics: results do not depend on the order of execution.

Shape letters: B batch, H heads, Q queries, K keys, d channels of a head.
"""

from __future__ import annotations

import os

import torch
import triton
import triton.language as tl
from torch import Tensor

# Queries and keys of a tile.
_SIDE = 64
# Wider tiles, and tiles of float32, need more shared memory than the 99 KB that smaller GPUs have.
_MAX_CHANNELS = 256


def fits(query: Tensor) -> bool:
    """Return whether the kernels take such queries: half or bfloat16 on a GPU, at most 256 channels of a head."""
    reachable = query.is_cuda or os.environ.get('TRITON_INTERPRET') == '1'
    return reachable and query.dtype in (torch.float16, torch.bfloat16) and query.shape[-1] <= _MAX_CHANNELS


def add_head_mean(query: Tensor, key: Tensor, sums: Tensor) -> None:
    """Add ``mean_h softmax(q_h k_h^T / sqrt(d))`` to a running sum, in float32.

    Args:
        query: ``(B, H, Q, d)``, such that `fits`.
        key: ``(B, H, K, d)`` of the same kind.
        sums: ``(B, Q, K)`` float32, contiguous, changed in place.
    """
    query, key = (t if t.stride(-1) == 1 else t.contiguous() for t in (query.detach(), key.detach()))
    batch, heads, queries, channels = query.shape
    keys = key.shape[2]
    sizes = (*query.stride()[:3], *key.stride()[:3], heads, queries, keys, channels, channels**-0.5)
    tile = dict(SIDE=_SIDE, WIDTH=max(16, triton.next_power_of_2(channels)))
    norm = torch.empty(batch, heads, queries, device=query.device)
    tiles = triton.cdiv(queries, _SIDE)
    # Triton launches on the current GPU, which need not be that of the tensors.
    with torch.cuda.device_of(query):
        _log_sum_exp[(tiles, heads, batch)](query, key, norm, *sizes, **tile)
        _add_mean[(tiles, triton.cdiv(keys, _SIDE), batch)](query, key, norm, sums, *sizes, **tile)


@triton.jit
def _load_rows(start, stride, first, count, channels, SIDE: tl.constexpr, WIDTH: tl.constexpr):
    """Return rows ``first .. first + SIDE`` of a matrix, zeros outside it."""
    rows = first + tl.arange(0, SIDE)
    columns = tl.arange(0, WIDTH)
    inside = (rows < count)[:, None] & (columns < channels)[None, :]
    return tl.load(start + rows[:, None] * stride + columns[None, :], mask=inside, other=0.0)


@triton.jit
def _logits(rows, key, stride, first, keys, channels, scale, SIDE: tl.constexpr, WIDTH: tl.constexpr):
    """Return the logits of rows of queries to ``SIDE`` keys, -inf past the last key."""
    columns = _load_rows(key, stride, first, keys, channels, SIDE, WIDTH)
    logits = tl.dot(rows, tl.trans(columns)) * scale
    return tl.where((first + tl.arange(0, SIDE) < keys)[None, :], logits, float('-inf'))


@triton.jit
def _log_sum_exp(
    query, key, norm, query_sample, query_head, query_row, key_sample, key_head, key_row,
    heads, queries, keys, channels, scale,
    SIDE: tl.constexpr, WIDTH: tl.constexpr,
):  # fmt: skip
    """Write the logarithm of the sum of exponentials of one tile's rows, for one head of one sample."""
    first, head, sample = tl.program_id(0) * SIDE, tl.program_id(1), tl.program_id(2).to(tl.int64)
    query += sample * query_sample + head * query_head
    key += sample * key_sample + head * key_head
    rows = _load_rows(query, query_row, first, queries, channels, SIDE, WIDTH)
    largest = tl.full([SIDE], float('-inf'), tl.float32)
    total = tl.zeros([SIDE], tl.float32)
    for start in range(0, keys, SIDE):
        logits = _logits(rows, key, key_row, start, keys, channels, scale, SIDE, WIDTH)
        larger = tl.maximum(largest, tl.max(logits, 1))
        total = total * tl.exp(largest - larger) + tl.sum(tl.exp(logits - larger[:, None]), 1)
        largest = larger
    at = first + tl.arange(0, SIDE)
    tl.store(norm + (sample * heads + head) * queries + at, largest + tl.log(total), mask=at < queries)


@triton.jit
def _add_mean(
    query, key, norm, sums, query_sample, query_head, query_row, key_sample, key_head, key_row,
    heads, queries, keys, channels, scale,
    SIDE: tl.constexpr, WIDTH: tl.constexpr,
):  # fmt: skip
    """Add the mean over heads of one tile of probabilities to the sums."""
    top, left = tl.program_id(0) * SIDE, tl.program_id(1) * SIDE
    sample = tl.program_id(2).to(tl.int64)
    query += sample * query_sample
    key += sample * key_sample
    norm += sample * heads * queries
    at = top + tl.arange(0, SIDE)
    mean = tl.zeros([SIDE, SIDE], tl.float32)
    for head in range(heads):
        rows = _load_rows(query + head * query_head, query_row, top, queries, channels, SIDE, WIDTH)
        logits = _logits(rows, key + head * key_head, key_row, left, keys, channels, scale, SIDE, WIDTH)
        own_norm = tl.load(norm + head * queries + at, mask=at < queries, other=0.0)
        mean += tl.exp(logits - own_norm[:, None])
    columns = left + tl.arange(0, SIDE)
    place = sums + sample * queries * keys + at.to(tl.int64)[:, None] * keys + columns[None, :]
    inside = (at < queries)[:, None] & (columns < keys)[None, :]
    tl.store(place, tl.load(place, mask=inside) + mean / heads, mask=inside)
