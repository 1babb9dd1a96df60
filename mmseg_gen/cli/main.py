"""Entry point of ``mmseg-gen``; a subcommand's module is imported only when that subcommand is called."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module

from mmseg_gen import __version__
from mmseg_gen.errors import run_reporting

PROGRAM = 'mmseg-gen'
COMMANDS = {
    'synthesize': 'write a data set of generated images and masks from a config',
    'status': 'tell how far a data set is, how fast it grows, and who works on it',
    'segment': 'write a mask and an overlay for each photo, given a class name',
    'label': 'write the masks of a folder of photos of one or several classes, as a data set to train on',
    'refine': 'write better masks from coarse ones, given the images and the class names',
    'export': 'write a generated data set as PASCAL VOC, COCO or YOLO',
    'report': 'write a page with the samples, statistics and failures of a generated data set',
    'analyze': 'write statistics and plots of a data set of masks: shapes, sizes, contrast, centres',
    'prompts': 'let a language model on this machine write prompts for a list of classes',
    'quickstart': 'synthesize, train and evaluate on the embedded models, offline, in minutes',
    'doctor': 'check versions, devices, weights, caches and what each config needs',
}


def build_parser(command: str | None = None) -> argparse.ArgumentParser:
    """Return the parser; only the named subcommand gets its own arguments.

    Args:
        command: The subcommand about to run, if any. Its module ``mmseg_gen.cli.<command>`` provides
            ``add_arguments(parser)`` and ``run(args) -> int``.
    """
    parser = argparse.ArgumentParser(
        prog=PROGRAM, description='Generative image models as segmentation supervision inside MMSegmentation.'
    )
    parser.add_argument('--version', action='version', version=f'{PROGRAM} {__version__}')
    commands = parser.add_subparsers(dest='command', metavar='COMMAND', required=True)
    for name, text in COMMANDS.items():
        subparser = commands.add_parser(name, help=text, description=f'{text[0].upper()}{text[1:]}.')
        if name == command:
            import_module(f'mmseg_gen.cli.{name}').add_arguments(subparser)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one subcommand and return the exit status: 0 done, 2 wrong input, 130 interrupted, else as it says.

    Args:
        argv: Arguments without the program's name; ``sys.argv[1:]`` by default.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    command = next((argument for argument in arguments if not argument.startswith('-')), None)

    def action() -> int:
        args = build_parser(command).parse_args(arguments)
        return import_module(f'mmseg_gen.cli.{args.command}').run(args)

    return run_reporting(PROGRAM, action)


if __name__ == '__main__':
    sys.exit(main())
