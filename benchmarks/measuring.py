"""What the benchmarks share: processor and wall time, memory, floating-point work, lines of JSON."""

from __future__ import annotations

import json
import resource
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

Action = Callable[[], object]


def write(line: dict[str, Any]) -> None:
    """Write one JSON line to standard output; floats with four digits."""
    sys.stdout.write(json.dumps({key: _short(value) for key, value in line.items()}) + '\n')
    sys.stdout.flush()


def _short(value: Any) -> Any:
    return float(f'{value:.4g}') if isinstance(value, float) else value


def seconds(action: Action, device: str = 'cpu') -> float:
    """Return the processor time of one call on a CPU, which other programs change less, or the wall time on a GPU."""
    if torch.device(device).type == 'cpu':
        start = time.process_time()
        action()
        return time.process_time() - start
    torch.cuda.synchronize()
    start = time.perf_counter()
    action()
    torch.cuda.synchronize()
    return time.perf_counter() - start


def alternating(actions: Sequence[Action], repeats: int, device: str = 'cpu') -> list[list[float]]:
    """Return the times of each action, taken in turn so that a busy moment meets all; one round warms up."""
    rounds = [[seconds(action, device) for action in actions] for _ in range(repeats + 1)]
    return [list(times) for times in zip(*rounds[1:], strict=True)]


def paired_ratio(above: Sequence[float], below: Sequence[float]) -> float:
    """Return the median of the paired ratios."""
    return statistics.median(a / b for a, b in zip(above, below, strict=True))


def flops(action: Action) -> int:
    """Return the floating-point operations of one call, by PyTorch's own counter: matrix products and convolutions."""
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        action()
    return counter.get_total_flops()


def matmul_rate(dtype: torch.dtype = torch.float32, device: str = 'cpu', side: int = 1024, repeats: int = 10) -> float:
    """Return the best rate of a square matrix product on this machine, operations a second: the floor's measure."""
    a, b = (torch.randn(side, side, device=device).to(dtype) for _ in range(2))
    return 2 * side**3 / min(seconds(lambda: a @ b, device) for _ in range(repeats))


def peak_memory_mb() -> float:
    """Return the largest resident memory of this process so far."""
    # Kilobytes on Linux, bytes on macOS.
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == 'darwin' else 2**10)
