"""What a refinement gains, apart for poor, fair and good initial masks (G4Seg, Appendix I)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .bootstrap import bootstrap_mean_interval

EDGES = (0.4, 0.8)


@dataclass(frozen=True)
class Stratum:
    """The images of one range of initial IoU; all numbers but ``count`` are NaN where there are none.

    Attributes:
        name: 'below_40', '40_to_80', 'above_80' or 'all'.
        count: Number of images.
        initial: Mean initial IoU.
        refined: Mean refined IoU.
        gain: Mean of refined less initial.
        interval: Bootstrap interval of the gain at 95 %, paired: images are resampled, not masks.
    """

    name: str
    count: int
    initial: float
    refined: float
    gain: float
    interval: tuple[float, float]


def improvement_by_initial(
    initial: np.ndarray,
    refined: np.ndarray,
    edges: tuple[float, float] = EDGES,
    *,
    resamples: int = 2000,
    seed: int = 0,
) -> list[Stratum]:
    """Return the gain below the first edge, from there to the second (both included), above it, and of all.

    Args:
        initial: IoU of each image's initial mask, ``(N,)`` in [0, 1].
        refined: IoU of its refined mask, in the same order.
        edges: Two bounds in (0, 1), rising (the paper's 40 and 80 %).
        resamples: Bootstrap samples for each interval.
        seed: Seed of the resampling.

    Raises:
        ValueError: The vectors differ in length, are empty, or hold values outside [0, 1]; or the edges do not
            rise within (0, 1).
    """
    initial, refined = np.asarray(initial, np.float64), np.asarray(refined, np.float64)
    if initial.ndim != 1 or initial.shape != refined.shape or not len(initial):
        raise ValueError(
            f'Expected `initial` and `refined` as vectors of one length, but got {initial.shape} and {refined.shape}.'
        )
    for name, values in (('initial', initial), ('refined', refined)):
        if not ((values >= 0) & (values <= 1)).all():
            raise ValueError(f'Expected `{name}` in [0, 1], but got NaN or values outside: percentages need / 100.')
    low, high = edges
    if not 0 < low < high < 1:
        raise ValueError(f'Expected `edges` to rise within (0, 1), but got {edges}.')
    parts = {
        f'below_{_percent(low)}': initial < low,
        f'{_percent(low)}_to_{_percent(high)}': (initial >= low) & (initial <= high),
        f'above_{_percent(high)}': initial > high,
        'all': np.ones(len(initial), bool),
    }
    return [_stratum(name, initial[part], refined[part], resamples, seed) for name, part in parts.items()]


def _percent(edge: float) -> str:
    return f'{100 * edge:g}'


def _stratum(name: str, initial: np.ndarray, refined: np.ndarray, resamples: int, seed: int) -> Stratum:
    if not len(initial):
        nothing = float('nan')
        return Stratum(name, 0, nothing, nothing, nothing, (nothing, nothing))
    gains = refined - initial
    interval = bootstrap_mean_interval(gains, resamples=resamples, seed=seed)
    return Stratum(name, len(gains), float(initial.mean()), float(refined.mean()), float(gains.mean()), interval)
