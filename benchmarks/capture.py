"""Time the UNet with all attention capture on against the same UNet without, side by side in one process.

    python benchmarks/capture.py                     # the embedded UNet's size, batch 16, aim: ratio <= 1.25
    python benchmarks/capture.py --batch 1 --side 32

Prints JSON lines: the recorder's memory after 5 and after 40 steps, then the ratio and the difference of the
outputs. Weights are random: neither time nor memory depends on them.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable

import torch

from mmseg_gen.generators.capture import AttentionRecorder
from mmseg_gen.generators.embedded.architecture import TOKEN_LIMIT, WIDTH, build_unet

AIM = 1.25


def main() -> int:
    """Run the benchmark; exit 1 if an aim is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--batch', type=int, default=16, help='samples at once (%(default)s)')
    parser.add_argument('--side', type=int, default=16, help='side of the latents (%(default)s)')
    parser.add_argument('--repeats', type=int, default=15, help='timed pairs (%(default)s)')
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    unet = build_unet(args.side).eval().requires_grad_(False)
    sample = torch.randn(args.batch, 4, args.side, args.side)
    context = torch.randn(args.batch, TOKEN_LIMIT, WIDTH)

    def run() -> torch.Tensor:
        return unet(sample, 500, context, return_dict=False)[0]

    times = compare(run, AttentionRecorder(unet, (args.side, args.side)), args.repeats)
    memory = {steps: recorder_bytes(unet, run, args.side, steps) for steps in (5, 40)}
    grown = memory[40] / memory[5]
    write({'recorder_bytes': memory, 'memory_40_over_5': grown})
    write({**times, 'aim': AIM})
    return int(times['ratio'] > AIM or grown > 1)


def compare(run: Callable[[], torch.Tensor], recorder: AttentionRecorder, repeats: int) -> dict[str, float]:
    """Return processor seconds with and without capture, alternating, and their ratio.

    Args:
        run: One call of the UNet.
        recorder: Not entered.
        repeats: Number of pairs.
    """
    with recorder:
        difference = (run() - run_without(run, recorder)).abs().max().item()
    plain, recorded = [], []
    for _ in range(repeats):
        plain.append(seconds(run))
        with recorder:
            recorded.append(seconds(run))
    return {
        'plain_s': min(plain),
        'recorded_s': min(recorded),
        'output_difference': difference,
        'ratio_of_least': min(recorded) / min(plain),
        'ratio': statistics.median(b / a for a, b in zip(plain, recorded, strict=True)),
    }


def run_without(run: Callable[[], torch.Tensor], recorder: AttentionRecorder) -> torch.Tensor:
    """Return the output of the layers' own processors."""
    with recorder.paused():
        return run()


def seconds(run: Callable[[], torch.Tensor]) -> float:
    """Return the processor time of one call."""
    start = time.process_time()
    run()
    return time.process_time() - start


def recorder_bytes(unet: torch.nn.Module, run: Callable[[], torch.Tensor], side: int, steps: int) -> int:
    """Return the memory of a recorder after a number of calls."""
    with AttentionRecorder(unet, (side, side)) as recorder:
        for _ in range(steps):
            run()
    return recorder.num_bytes


def write(line: dict) -> None:
    """Write one JSON line."""
    sys.stdout.write(json.dumps(line) + '\n')


if __name__ == '__main__':
    raise SystemExit(main())
