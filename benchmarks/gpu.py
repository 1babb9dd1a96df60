"""Everything with the public models' sizes and random weights on a CUDA GPU: time, memory, share of the chip's rate.

    python benchmarks/gpu.py                              # SD 1.5, 2.1 and XL in bfloat16
    python benchmarks/gpu.py --models sd15 --batch 8 --json gpu.json
    python benchmarks/gpu.py --device cpu --dtype float32 --models sd15 --batch 1 --steps 2 --repeats 1   # an hour
    python benchmarks/gpu.py --tiny                       # smoke test of the same code, on any machine; its numbers
                                                          # say nothing

Prints a JSON line for each step: the matrix product that all shares refer to, the UNet, capture (ratio to the plain
UNet), synthesis (per image), AttentionCut on a photo with T = 40, G4Seg with the paper's settings and with the
gradient. In half precision capture is measured with the Triton kernels, too; MMSEG_GEN_CAPTURE=triton chooses them for
all other lines. Memory is the peak that PyTorch allocated in the step, the weights included. Aims are those of the
project's plan; a line with an aim says whether it was met.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import torch
from measuring import alternating, flops, matmul_rate, paired_ratio, seconds, write
from random_models import NAMES, build_parts

from mmseg_gen.api.attention_cut import AttentionCutSegmenter
from mmseg_gen.engine.pair_generator import DiffusionPairGenerator
from mmseg_gen.engine.planning import plan_samples
from mmseg_gen.errors import UserError
from mmseg_gen.generators.capture import AttentionRecorder
from mmseg_gen.generators.denoising import unet_output
from mmseg_gen.generators.parts import Parts
from mmseg_gen.generators.text import encode_prompts
from mmseg_gen.refiners import G4Seg
from mmseg_gen.refiners.presets import GRADIENT, PAPER

# Matrices whose product is timed, by --tiny and device.
SIDES = {(True, 'cpu'): 128, (False, 'cpu'): 2048, (False, 'cuda'): 8192}
# Ratio or seconds not to exceed; a share to reach.
AIMS = {'attention_cut': 3.0, 'g4seg': 0.15, 'synthesis': 0.4}
AIMS |= dict.fromkeys(('capture', 'capture, self up to 32', 'capture, Triton'), 1.25)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark; exit 2 without a GPU."""
    args = parse(argv)
    if args.device == 'cuda' and not torch.cuda.is_available():
        sys.stderr.write('Expected a CUDA GPU, but PyTorch sees none; --tiny runs the same code on a CPU.\n')
        return 2
    device, dtype = args.device, getattr(torch, args.dtype)
    rate = matmul_rate(dtype, device, SIDES[args.tiny, device])
    name = 'cpu' if device == 'cpu' else torch.cuda.get_device_name()
    lines = [{'step': 'matmul', 'device': name, 'dtype': str(dtype), 'tflops': rate / 1e12}]
    write(lines[0])
    for model in args.models:
        parts = build_parts(model, device, dtype, args.tiny)
        for line in steps(parts, rate, args):
            line = {'model': model, **line, **judged(line)}
            write(line)
            lines.append(line)
    if args.json:
        args.json.write_text(json.dumps(lines, indent=1) + '\n', encoding='utf-8')
    return 0


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Return the options."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--models', nargs='+', choices=NAMES, default=list(NAMES), help='which (all)')
    parser.add_argument('--device', choices=('cuda', 'cpu'), default='cuda', help='(%(default)s)')
    parser.add_argument('--dtype', choices=('bfloat16', 'float16', 'float32'), default='bfloat16')
    parser.add_argument('--batch', type=int, default=4, help='samples at once, doubled by guidance (%(default)s)')
    parser.add_argument('--steps', type=int, default=40, help='denoising steps (%(default)s)')
    parser.add_argument('--repeats', type=int, default=5, help='timed calls (%(default)s)')
    parser.add_argument('--json', type=Path, help='file for all lines')
    parser.add_argument('--tiny', action='store_true', help='smoke test on small networks')
    args = parser.parse_args(argv)
    if args.tiny:
        args.device, args.dtype, args.batch, args.steps, args.repeats = 'cpu', 'float32', 1, 2, 1
    return args


def steps(parts: Parts, rate: float, args: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Yield a line for each step of one model."""
    context = encode_prompts(parts, ['a photo of a dog'] * 2 * args.batch)
    side = int(parts.unet.config.sample_size)
    latents = torch.randn(2 * args.batch, 4, side, side, device=parts.device)

    @torch.no_grad()
    def run() -> torch.Tensor:
        return unet_output(parts, latents, 500, context)

    work = flops(run)
    yield from unet_and_capture(parts, run, work, rate, args)
    generator = DiffusionPairGenerator(parts, steps=args.steps)
    samples = plan_samples(['dog', 'cat'], args.batch, 0, lambda index, name, seed: f'a photo of a {name}')
    line = timed('synthesis', parts, lambda: generator.generate(samples), args.batch, 1)
    if 'failed' not in line:
        line['share'] = work * args.steps / rate / (line['s_an_image'] * args.batch)
    yield line
    photo = np.random.default_rng(0).integers(0, 255, (parts.default_size, parts.default_size, 3)).astype(np.uint8)
    segment = AttentionCutSegmenter(parts, 'dog', steps=args.steps)
    yield timed('attention_cut', parts, lambda: segment(photo), 1, args.repeats)
    yield from refinements(parts, photo, args)


def unet_and_capture(
    parts: Parts, run: Callable[[], torch.Tensor], work: int, rate: float, args: argparse.Namespace
) -> Iterator[dict[str, Any]]:
    """Yield the lines of the plain UNet and of the UNet with its attention recorded, in turn."""
    device, size = parts.device.type, (int(parts.unet.config.sample_size),) * 2
    whole, coarse = AttentionRecorder(parts.unet, size), AttentionRecorder(parts.unet, size, max_self_side=32)
    cases = {'capture': (whole, 'torch'), 'capture, self up to 32': (coarse, 'torch')}
    if parts.dtype != torch.float32:
        cases['capture, Triton'] = (whole, 'triton')

    def recorded(recorder: AttentionRecorder, kernel: str) -> None:
        with recorder, mock.patch.dict(os.environ, MMSEG_GEN_CAPTURE=kernel):
            run()

    actions = [run, *(partial(recorded, *case) for case in cases.values())]
    plain, *others = alternating(actions, args.repeats, device)
    yield {'step': 'unet', 's': min(plain), 'tflop': work / 1e12, 'share': work / min(plain) / rate}
    for (name, (recorder, _)), own in zip(cases.items(), others, strict=True):
        yield {'step': name, 'ratio': paired_ratio(own, plain), 'sums_mb': recorder.num_bytes / 2**20}


def refinements(parts: Parts, photo: np.ndarray, args: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Yield the lines of G4Seg by the paper's rule and by the gradient, on one object of two classes."""
    disc = np.hypot(*(np.mgrid[: len(photo), : len(photo)] / len(photo) - 0.5))
    soft = (1 / (1 + np.exp((disc - 0.3) * 40))).astype(np.float32)
    both = np.stack([1 - soft, soft])
    for name, preset in (('g4seg', PAPER), ('g4seg-gradient', GRADIENT)):
        refiner = G4Seg(parts, **{key: value for key, value in preset.items() if key != 'type'})
        yield timed(name, parts, lambda own=refiner: own(photo, both, ['background', 'dog']), 1, args.repeats)


def timed(name: str, parts: Parts, action: Callable[[], object], images: int, repeats: int) -> dict[str, Any]:
    """Return the median time of an image and the peak of memory, or why there are none; one call warms up."""
    device = parts.device.type
    try:
        action()
        if device == 'cuda':
            torch.cuda.reset_peak_memory_stats()
        times = [seconds(action, device) for _ in range(repeats)]
    except (torch.OutOfMemoryError, UserError) as error:
        # The other steps may fit.
        return {'step': name, 'failed': str(error).splitlines()[0]}
    line = {'step': name, 's_an_image': statistics.median(times) / images}
    return line | ({'peak_mb': torch.cuda.max_memory_allocated() / 2**20} if device == 'cuda' else {})


def judged(line: dict[str, Any]) -> dict[str, Any]:
    """Return a line's aim and whether it was met; nothing where it has none."""
    aim = AIMS.get(line['step'])
    if aim is None or 'failed' in line:
        return {}
    key = next(key for key in ('share', 'ratio', 's_an_image') if key in line)
    return {'aim': aim, 'met': line[key] >= aim if key == 'share' else line[key] <= aim}


if __name__ == '__main__':
    raise SystemExit(main())
