"""Measure the embedded StyleGAN2 and its encoder on held-out latents and draw their sheet: the model card's numbers."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from mmseg_gen.errors import check_counts, run_reporting


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--folder', type=Path, help='with model.safetensors and encoder.safetensors; default: embedded')
    parser.add_argument('--out', type=Path, required=True, help='folder for quality.json and samples.png')
    parser.add_argument('--images', type=int, default=200)
    parser.add_argument('--inverted', type=int, default=20)
    return parser.parse_args(argv)


def evaluate(args: argparse.Namespace) -> None:
    """Write the numbers and the sheet."""
    check_counts(args, 'images', 'inverted')
    from mmseg_gen.functional.writing import encode_png, write_bytes
    from mmseg_gen.generators.embedded.gan_quality import quality_report, sample_sheet
    from mmseg_gen.generators.gan_encoding import load_encoder
    from mmseg_gen.generators.stylegan2 import load_stylegan2

    folder = args.folder
    model = load_stylegan2('embedded' if folder is None else folder / 'model.safetensors')
    encoder = load_encoder('embedded' if folder is None else folder / 'encoder.safetensors')
    args.out.mkdir(parents=True, exist_ok=True)
    write_bytes(args.out / 'samples.png', encode_png(sample_sheet(model, 4, 6)))
    report = quality_report(model, encoder, args.images, args.inverted)
    write_bytes(args.out / 'quality.json', (json.dumps(report, indent=2) + '\n').encode())


def main(argv: Sequence[str] | None = None) -> int:
    args = parse_args(argv)
    return run_reporting('evaluate_embedded_stylegan2.py', lambda: evaluate(args))


if __name__ == '__main__':
    sys.exit(main())
