"""What G4Seg costs beside the passes of its UNet and autoencoder: matching, update, injection's set-up.

Run: python benchmarks/refinement.py. Ratios are measured in one process; the target is a share of at most 20 %.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any
from unittest.mock import patch

import numpy as np
import torch

from mmseg_gen.refiners import G4Seg
from mmseg_gen.refiners.presets import GRADIENT, PAPER
from mmseg_gen.tables.coarse_scenes import CoarseScene, coarse_scenes
from mmseg_gen.tables.refinement import embedded_parts

TARGET = 0.2
COARSE = dict(kinds=['eroded', 'dilated'], iou=[0.5, 0.7], soften=3.0)
STACKED = dict(type='Stacked', side=32, extractors=[dict(type='Colors'), dict(type='DiffusionMaps')])
CASES: dict[str, dict[str, Any]] = {
    'paper (CLIP, 64 x 64 matches)': {**PAPER, 'band': dict(max_distance=5)},
    'paper, diffusion features, 4 neighbours, grid 32': {
        **PAPER, 'features': STACKED, 'matching': dict(neighbors=4), 'grid': 32, 'band': dict(max_distance=5)
    },
    'gradient': GRADIENT,
}  # fmt: skip


class Clock:
    """Seconds inside some functions, those called by one another counted once."""

    def __init__(self) -> None:
        self.seconds, self._depth = 0.0, 0

    def around(self, function: Callable) -> Callable:
        """Return the function, with its time added to the clock's."""

        def timed(*args: Any, **kwargs: Any) -> Any:
            self._depth += 1
            start = time.perf_counter()
            try:
                return function(*args, **kwargs)
            finally:
                self._depth -= 1
                if not self._depth:
                    self.seconds += time.perf_counter() - start

        return timed


def share_outside(settings: dict[str, Any], scenes: list[CoarseScene]) -> tuple[float, float]:
    """Return seconds per image, and the share outside passes of networks (forward and back)."""
    parts = embedded_parts()
    refiner = G4Seg(parts, **{key: value for key, value in settings.items() if key != 'type'})
    run(refiner, scenes[:1])
    clock = Clock()
    passes = [(parts.unet, 'forward'), (parts.vae, 'encode'), (parts.vae, 'decode'), (torch.autograd, 'grad')]
    passes += [(parts.clip.model.vision_model, 'forward'), (parts.text_encoder, 'forward')]
    with ExitStack() as stack:
        for owner, name in passes:
            stack.enter_context(patch.object(owner, name, clock.around(getattr(owner, name))))
        start = time.perf_counter()
        run(refiner, scenes)
        total = time.perf_counter() - start
    return total / len(scenes), 1 - clock.seconds / total


def run(refiner: G4Seg, scenes: list[CoarseScene]) -> None:
    for scene in scenes:
        refiner(scene.image, scene.probabilities, scene.classes)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--scenes', type=int, default=8, help='scenes (default %(default)s)')
    scenes = coarse_scenes(parser.parse_args().scenes, COARSE)
    pixels = np.prod(scenes[0].image.shape[:2])
    print(f'{len(scenes)} scenes of {pixels} pixels, {torch.get_num_threads()} threads')
    for name, settings in CASES.items():
        seconds, outside = share_outside(settings, scenes)
        verdict = 'ok' if outside <= TARGET else f'over the target of {TARGET:.0%}'
        print(f'{name:50s} {seconds:6.2f} s an image, {outside:5.1%} outside the networks: {verdict}')


if __name__ == '__main__':
    main()
