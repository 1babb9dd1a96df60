"""Search the settings of SceneCutLabel for the embedded models on rendered scenes, and print JSON lines.

First each cross-attention layer's mean AUC-ROC for the first and for the second word of a prompt (which ``layers``
locate all words?), then the mean IoU of every combination, the best last. Half the scenes show both classes of their
prompt, half only the first.
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import json
import sys
from collections.abc import Sequence

import numpy as np
import torch

from mmseg_gen.errors import check_counts, run_reporting
from mmseg_gen.functional.canvas import resize_map
from mmseg_gen.functional.cut_settings import EMBEDDED_CUT, CutSettings
from mmseg_gen.functional.multiclass import IGNORED, SceneSettings, label_scene
from mmseg_gen.functional.saliency import auc_roc
from mmseg_gen.functional.scene_evidence import SceneEvidence
from mmseg_gen.generators.capture import AttentionRecorder
from mmseg_gen.generators.embedded.scenes import CLASSES, Scene, render_scene
from mmseg_gen.generators.inversion import invert_latents
from mmseg_gen.generators.latents import encode_images
from mmseg_gen.generators.parts import Parts, load_parts
from mmseg_gen.generators.prompt_grammar import with_articles
from mmseg_gen.generators.scene_evidence import collect_scene_evidence, scene_token_positions
from mmseg_gen.generators.text import encode_prompts

# Far from the scenes of training and of every other measurement.
FIRST_SEED = 5_000_000
GRID = dict(
    calibration=('mixture', 'min_max'),
    lam=(0.5, 1.0, 2.0),
    bias=(0.0, 0.75),
    colors=((0, 1.0), (2, 1.0), (3, 2.0)),
)


@torch.no_grad()
def evidence_of(parts: Parts, count: int, shown: int, steps: int) -> list[tuple[Scene, SceneEvidence]]:
    """Return scenes of ``shown`` of two named classes, with the evidence along their inversion."""
    rng = np.random.default_rng(shown)
    pairs = [[CLASSES[k] for k in rng.choice(len(CLASSES), 2, replace=False)] for _ in range(count)]
    scenes = [render_scene(FIRST_SEED + 1000 * shown + i, 64, pair[:shown]) for i, pair in enumerate(pairs)]
    prompts = [with_articles(f'a photo of a {first} and a {second}') for first, second in pairs]
    images = torch.from_numpy(np.stack([s.image for s in scenes])).permute(0, 3, 1, 2).float() / 127.5 - 1
    latents = encode_images(parts, images)
    recorder = AttentionRecorder(parts.unet, tuple(latents.shape[-2:]))
    invert_latents(parts, latents, encode_prompts(parts, prompts), steps=steps, recorder=recorder)
    positions = [scene_token_positions(parts.tokenizer, p, pair) for p, pair in zip(prompts, pairs, strict=True)]
    ids = [[1 + CLASSES.index(name) for name in pair] for pair in pairs]
    found = collect_scene_evidence(recorder, positions, ids, top_k=6, tau=0.5, num_seeds=16, seeds=range(count))
    return list(zip(scenes, found, strict=True))


def layer_scores(samples: list[tuple[Scene, SceneEvidence]], word: int) -> list[float]:
    """Return each layer's mean AUC-ROC for one word of the prompts, over scenes that show it."""
    scores = []
    for scene, evidence in samples:
        mask = scene.labels == evidence.class_ids[word]
        if mask.any():
            scores.append(
                [
                    auc_roc(torch.from_numpy(resize_map(m, mask.shape)), torch.from_numpy(mask))
                    for m in evidence.classes[word].cross
                ]
            )
    return np.mean(scores, 0).round(3).tolist()


def class_counts(
    samples: list[tuple[Scene, SceneEvidence]], cut: CutSettings, settings: SceneSettings
) -> tuple[np.ndarray, np.ndarray]:
    """Return the pixels in the overlap and in the union of every class, background first, ignored ones left out."""
    overlap, union = np.zeros(len(CLASSES) + 1), np.zeros(len(CLASSES) + 1)
    for scene, evidence in samples:
        found = label_scene(evidence, scene.image, cut, settings).labels
        for k in range(len(union)):
            mine, true = (labels[found != IGNORED] == k for labels in (found, scene.labels))
            overlap[k] += (mine & true).sum()
            union[k] += (mine | true).sum()
    return overlap, union


def mean_iou(overlap: np.ndarray, union: np.ndarray) -> float:
    """Return the mean IoU over the classes that occur."""
    return float((overlap / np.maximum(union, 1))[union > 0].mean())


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--generator', default='embedded', help='generator (%(default)s)')
    parser.add_argument('--scenes', type=int, default=24, help='scenes of each kind (%(default)s)')
    parser.add_argument('--steps', type=int, default=10, help='DDIM steps (%(default)s)')
    parser.add_argument('--layers', type=int, nargs='+', default=[8, 9], help='layers to average (%(default)s)')
    args = parser.parse_args(argv)
    return run_reporting('tune_scene_cut.py', lambda: search(args))


def search(args: argparse.Namespace) -> None:
    check_counts(args, 'scenes', 'steps')
    parts = load_parts(args.generator)
    both, one = (evidence_of(parts, args.scenes, shown, args.steps) for shown in (2, 1))
    for word in (0, 1):
        write({'word': word, 'auc_by_layer': layer_scores(both, word)})
    settings = SceneSettings(layers=tuple(args.layers))
    base = dataclasses.replace(EMBEDDED_CUT, lambda_phi=0.0)
    lines = []
    for calibration, lam, bias, (rounds, weight) in itertools.product(*GRID.values()):
        chosen = dict(calibration=calibration, lam=lam, bias=bias, color_rounds=rounds, color_weight=weight)
        cut = dataclasses.replace(base, **chosen)
        counts = {name: class_counts(some, cut, settings) for name, some in (('both', both), ('one', one))}
        counts['all'] = tuple(np.add(*pair) for pair in zip(*counts.values(), strict=True))
        lines.append({**chosen, **{f'miou_{name}': round(mean_iou(*count), 3) for name, count in counts.items()}})
    for line in sorted(lines, key=lambda entry: entry['miou_all']):
        write(line)


def write(line: dict) -> None:
    """Write one JSON line to standard output."""
    sys.stdout.write(json.dumps(line) + '\n')


if __name__ == '__main__':
    sys.exit(main())
