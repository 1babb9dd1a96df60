"""Measure the embedded models on held-out scenes and draw their contact sheet: the numbers of the model card."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from mmseg_gen.errors import check_counts, run_reporting

# Scenes that the slow measure of the inversion takes.
INVERTED = 20


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--generator', default='embedded', help="'embedded' or a pipeline folder")
    parser.add_argument('--out', type=Path, required=True, help='folder for quality.json and samples.png')
    parser.add_argument('--scenes', type=int, default=300)
    parser.add_argument('--steps', type=int, default=40)
    return parser.parse_args(argv)


def evaluate(args: argparse.Namespace) -> None:
    """Write the numbers and the sheet."""
    check_counts(args, 'scenes', 'steps')
    from mmseg_gen.functional.writing import encode_png, write_bytes
    from mmseg_gen.generators.embedded import quality
    from mmseg_gen.generators.embedded.scenes import CLASSES
    from mmseg_gen.generators.parts import load_parts

    parts = load_parts(args.generator)
    args.out.mkdir(parents=True, exist_ok=True)
    sheet = quality.contact_sheet(parts, [quality.class_prompt(name) for name in CLASSES], steps=args.steps)
    write_bytes(args.out / 'samples.png', encode_png(sheet))
    scenes = quality.held_out_scenes(args.scenes)
    report = measure(parts, scenes, args.steps)
    write_bytes(args.out / 'quality.json', (json.dumps(report, indent=2) + '\n').encode('utf-8'))


def measure(parts, scenes: Sequence, steps: int) -> dict:
    """Return the numbers of the model card."""
    import numpy as np

    from mmseg_gen.generators.embedded import quality
    from mmseg_gen.generators.embedded.scenes import CLASSES

    auc, few = quality.attention_auc(parts, scenes, steps=steps), scenes[:INVERTED]
    # Held-out scenes show the classes in turn.
    by_class = {name: auc['all'][i :: len(CLASSES)] for i, name in enumerate(CLASSES)}
    return {
        'scenes': len(scenes),
        'scenes_inverted': len(few),
        'steps': steps,
        'clip_zero_shot_accuracy': quality.zero_shot_accuracy(parts, scenes),
        'attention_auc': {key: float(np.mean(values)) for key, values in auc.items()},
        'attention_auc_by_class': {name: float(np.mean(v)) if len(v) else None for name, v in by_class.items()},
        'inversion_error': {
            f'fixed_point_{k}': quality.inversion_error(parts, few, steps=steps, fixed_point=k) for k in (0, 1, 3)
        },
    }


def main(argv: Sequence[str] | None = None) -> int:
    args = parse_args(argv)
    return run_reporting('evaluate_embedded.py', lambda: evaluate(args))


if __name__ == '__main__':
    sys.exit(main())
