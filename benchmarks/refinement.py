"""What G4Seg costs beside the passes of its networks: matching, update, injection's set-up.

    python benchmarks/refinement.py                   # the embedded model, 4 scenes; aim: a share of at most 20 %
    python benchmarks/refinement.py --cases gradient

Prints a JSON line for each case, in processor time, the median of several rounds over the scenes after one that is not
counted: milliseconds an image, and the shares of UNet and autoencoder (the injection inside the UNet's attention counts
with it), of CLIP and text encoder, and of everything else, which the aim is for. The first round does what later ones
find done: kernels for the sizes of the scenes, prompts of their classes. `first_else_share` is the last share in it.
The embedded UNet is small: on a large one the last share is less.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any
from unittest.mock import patch

import cv2
import torch
from measuring import write

from mmseg_gen.refiners import G4Seg
from mmseg_gen.refiners.presets import GRADIENT, PAPER
from mmseg_gen.tables.coarse_scenes import CoarseScene, coarse_scenes
from mmseg_gen.tables.refinement import embedded_parts

AIM = 0.2
COARSE = dict(kinds=['eroded', 'dilated'], iou=[0.5, 0.7], soften=3.0)
STACKED = dict(type='Stacked', side=32, extractors=[dict(type='Colors'), dict(type='DiffusionMaps')])
CASES: dict[str, dict[str, Any]] = {
    'clip': {**PAPER, 'band': dict(max_distance=5)},
    'diffusion': {
        **PAPER, 'features': STACKED, 'matching': dict(neighbors=4), 'grid': 32, 'band': dict(max_distance=5)
    },
    'gradient': GRADIENT,
}  # fmt: skip


class Clock:
    """Processor seconds by kind inside some functions; those called by one another count for the outermost."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._depth = 0

    def around(self, kind: str, function: Callable) -> Callable:
        """Return the function, with its time added to its kind's."""

        def timed(*args: Any, **kwargs: Any) -> Any:
            self._depth += 1
            start = time.process_time()
            try:
                return function(*args, **kwargs)
            finally:
                self._depth -= 1
                if not self._depth:
                    self.seconds[kind] = self.seconds.get(kind, 0.0) + time.process_time() - start

        return timed


def main() -> int:
    """Run the benchmark; exit 1 if the aim is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--scenes', type=int, default=4, help='scenes (%(default)s)')
    parser.add_argument('--rounds', type=int, default=3, help='counted rounds over the scenes (%(default)s)')
    parser.add_argument('--cases', nargs='+', choices=CASES, default=list(CASES), help='which (all)')
    args = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    scenes = coarse_scenes(args.scenes, COARSE)
    worst = 0.0
    for name in args.cases:
        line = shares(CASES[name], scenes, args.rounds)
        worst = max(worst, line['else_share'])
        write({'case': name, **line})
    write({'benchmark': 'refinement', 'share_beside_networks': worst, 'aim': AIM})
    return int(worst > AIM)


def shares(settings: dict[str, Any], scenes: list[CoarseScene], rounds: int) -> dict[str, float]:
    """Return milliseconds per image, and the shares of passes of networks (forward and back) and of the rest."""
    parts = embedded_parts()
    refiner = G4Seg(parts, **{key: value for key, value in settings.items() if key != 'type'})
    # Every network's very first pass is not counted in any round.
    run(refiner, scenes[:1])
    first, *later = [one_round(refiner, parts, scenes) for _ in range(rounds + 1)]
    middle = {key: statistics.median(line[key] for line in later) for key in later[0]}
    return {**middle, 'first_else_share': first['else_share']}


def one_round(refiner: G4Seg, parts: Any, scenes: list[CoarseScene]) -> dict[str, float]:
    """Return the same of one round."""
    clock = Clock()
    passes = [(parts.unet, 'forward'), (parts.vae, 'encode'), (parts.vae, 'decode'), (torch.autograd, 'grad')]
    others = [(parts.clip.model.vision_model, 'forward'), (parts.text_encoder, 'forward')]
    with ExitStack() as stack:
        for kind, owners in (('unet_and_vae', passes), ('clip_and_text', others)):
            for owner, name in owners:
                stack.enter_context(patch.object(owner, name, clock.around(kind, getattr(owner, name))))
        start = time.process_time()
        run(refiner, scenes)
        total = time.process_time() - start
    found = {f'{kind}_share': clock.seconds.get(kind, 0.0) / total for kind in ('unet_and_vae', 'clip_and_text')}
    return {'ms_an_image': total / len(scenes) * 1e3, **found, 'else_share': 1 - sum(clock.seconds.values()) / total}


def run(refiner: G4Seg, scenes: list[CoarseScene]) -> None:
    for scene in scenes:
        refiner(scene.image, scene.probabilities, scene.classes)


if __name__ == '__main__':
    raise SystemExit(main())
