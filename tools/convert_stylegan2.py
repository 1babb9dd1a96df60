"""Convert a StyleGAN2 checkpoint (rosinality's .pt or NVIDIA's .pkl) to safetensors, without running its pickle."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from mmseg_gen.errors import UserError, run_reporting


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('source', type=Path, help='the checkpoint')
    parser.add_argument('out', type=Path, help='the new file; it ends in .safetensors')
    args = parser.parse_args(argv)
    return run_reporting('convert_stylegan2.py', lambda: _convert(args.source, args.out))


def _convert(source: Path, out: Path) -> None:
    if out.suffix != '.safetensors':
        raise UserError(f'Expected `out` to end in .safetensors, but got {out}.')
    if out.exists():
        raise UserError(f'Expected `out` to be a new file, but {out} is there; give another name.')
    from mmseg_gen.generators.stylegan2 import read_checkpoint, save_stylegan2

    model = read_checkpoint(source)
    out.parent.mkdir(parents=True, exist_ok=True)
    save_stylegan2(model, out)
    size = model.config.resolution
    sys.stdout.write(f'{out}: {size} x {size} pixels, {model.num_layers} layers, float32\n')


if __name__ == '__main__':
    sys.exit(main())
