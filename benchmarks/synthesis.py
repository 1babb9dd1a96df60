"""Where a synthesis run spends its time: the share of the generator, of its networks, and of everything beside it.

    python benchmarks/synthesis.py                    # the embedded model, 8 samples of 40 steps; aim: share >= 0.85
    python benchmarks/synthesis.py --samples 32 --workers 1

Prints JSON lines: the shares of a whole run after loading, in wall time; time by number of steps; the cost of what is
done for each sample beside the generator at 64 and at 512 pixels. The generator is what makes images and evidence
(``PairGenerator.generate``); its networks are the passes of UNet, autoencoder and text encoder, capture included.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from unittest.mock import patch

import cv2
import numpy as np
import torch
from measuring import peak_memory_mb, seconds, write

from mmseg_gen.engine.pair_generator import DiffusionPairGenerator
from mmseg_gen.engine.synthesis import synthesize
from mmseg_gen.functional.attention_cut import attention_cut
from mmseg_gen.functional.evidence import Evidence
from mmseg_gen.functional.writing import encode_png
from mmseg_gen.generators.parts import load_parts

AIM = 0.85
CLASSES = ('bird', 'car', 'dog', 'fish')


class Clock:
    """Wall seconds inside some functions."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def around(self, function: Callable) -> Callable:
        """Return the function, with its time added to the clock's."""

        def timed(*args: Any, **kwargs: Any) -> Any:
            start = time.perf_counter()
            try:
                return function(*args, **kwargs)
            finally:
                self.seconds += time.perf_counter() - start

        return timed


def main() -> int:
    """Run the benchmark; exit 1 if the aim is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--samples', type=int, default=8, help='samples (%(default)s)')
    parser.add_argument('--batch', type=int, default=8, help='samples at once (%(default)s)')
    parser.add_argument('--steps', type=int, default=40, help='denoising steps (%(default)s)')
    parser.add_argument('--workers', type=int, default=0, help='processes that label (%(default)s)')
    parser.add_argument('--threads', type=int, default=1, help='threads of PyTorch (%(default)s)')
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    cv2.setNumThreads(1)
    parts = load_parts('embedded')
    run(parts, args, samples=2, steps=1)  # warms up
    for steps in (5, 10, 20):
        line = run(parts, args, samples=args.batch, steps=steps)
        write({'case': f'{steps} steps', 'seconds_a_sample': line['seconds'] / args.batch})
    for side in (64, 512):
        write({'case': f'beside the generator, {side} x {side}', **beside_the_generator(side)})
    line = run(parts, args, samples=args.samples, steps=args.steps)
    write({'benchmark': 'synthesis', **line, 'peak_mb': peak_memory_mb(), 'aim': AIM})
    return int(line['generator_share'] < AIM)


def run(parts: Any, args: argparse.Namespace, *, samples: int, steps: int) -> dict[str, float]:
    """Return wall seconds of one run on loaded parts, and the shares of the generator and of its networks."""
    generator = DiffusionPairGenerator(parts, steps=steps)
    settings = dict(
        classes=CLASSES, num_samples=samples, batch_size=args.batch, first_batch=args.batch, steps=steps,
        workers=args.workers,
    )  # fmt: skip
    whole, networks = Clock(), Clock()
    passes = [(parts.unet, 'forward'), (parts.vae, 'decode'), (parts.text_encoder, 'forward')]
    with ExitStack() as stack, tempfile.TemporaryDirectory() as folder:
        for owner, name in passes:
            stack.enter_context(patch.object(owner, name, networks.around(getattr(owner, name))))
        stack.enter_context(patch.object(generator, 'generate', whole.around(generator.generate)))
        start = time.perf_counter()
        synthesize({'synthesis': settings}, Path(folder) / 'set', generator=generator)
        total = time.perf_counter() - start
    shares = {'generator_share': whole.seconds / total, 'network_share': networks.seconds / total}
    return {'seconds': total, 'samples': samples, 'workers': args.workers, **shares}


def beside_the_generator(side: int, grid: int = 64, layers: int = 16) -> dict[str, float]:
    """Return processor milliseconds of what one sample costs when it has been generated, each at its least of 5."""
    rng = np.random.default_rng(0)
    shade = cv2.resize(rng.random((8, 8, 3)).astype(np.float32), (side, side), interpolation=cv2.INTER_CUBIC)
    image = np.clip(shade * 255 + rng.normal(0, 8, shade.shape), 0, 255).astype(np.uint8)
    disc = np.hypot(*(np.mgrid[:grid, :grid] / grid - 0.5)) < 0.3
    cross = disc + rng.normal(0, 0.1, (layers, grid, grid))
    evidence = Evidence(cross, cross.std((1, 2)), disc * 1.0, rng.random((4, grid, grid)))
    with tempfile.TemporaryDirectory() as folder:
        work = {
            'image_png_ms': lambda: encode_png(image),
            'evidence_npz_ms': lambda: evidence.save(Path(folder) / 'evidence.npz'),
            'cut_ms': lambda: attention_cut(evidence, image),
        }
        return {name: min(seconds(action) for _ in range(5)) * 1e3 for name, action in work.items()}


if __name__ == '__main__':
    raise SystemExit(main())
