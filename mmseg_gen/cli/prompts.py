"""``mmseg-gen prompts``: let a language model on this machine write prompts for a list of classes."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from mmseg_gen.errors import check_counts

# Defaults of `PromptWriting` and `LanguageModel`, which `--help` shall not import.
_DEFAULTS = {'temperature': 1.0, 'top_p': 0.9, 'max_new_tokens': 24, 'seed': 0}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the subcommand."""
    parser.add_argument('output', type=Path, help='JSONL file to write or to go on with, for `synthesis.prompts`')
    parser.add_argument('--model', required=True, help='folder or hub id of a causal language model (safetensors)')
    parser.add_argument(
        '--classes', nargs='+', required=True, help='class names, or one list: embedded, voc, coco, imagenet, a file'
    )
    parser.add_argument('--count', type=int, default=20, help='prompts for each class (default: %(default)s)')
    parser.add_argument(
        '--generator', default='embedded', help='image model whose tokenizer must see the class (default: %(default)s)'
    )
    parser.add_argument('--instruction', help='what the model is told, with {class}')
    parser.add_argument('--start', help='how every prompt begins, with {class} (default: a photo of a {class})')
    for name, value in _DEFAULTS.items():
        flag = '--' + name.replace('_', '-')
        parser.add_argument(flag, type=type(value), default=value, help='default: %(default)s')
    parser.add_argument('--device', default='cpu', help='where the language model runs (default: %(default)s)')
    parser.add_argument('--download', action='store_true', help='allow fetching both models from the hub')


def run(args: argparse.Namespace) -> int:
    """Write the prompts."""
    from tqdm import tqdm

    from mmseg_gen.generators.language_model import load_language_model
    from mmseg_gen.generators.prompt_generation import PromptWriting, write_prompt_file
    from mmseg_gen.generators.reading import load_tokenizer

    check_counts(args, 'count')
    sampling = {name: getattr(args, name) for name in _DEFAULTS}
    texts = {name: getattr(args, name) for name in ('instruction', 'start') if getattr(args, name) is not None}
    settings = PromptWriting(**sampling, **texts)
    classes = _classes(args.classes)
    offline = False if args.download else None
    tokenizer = load_tokenizer(args.generator, local_files_only=offline)
    options = {name: value for name, value in sampling.items() if name != 'seed'}
    writer = load_language_model(args.model, device=args.device, local_files_only=offline, **options)
    origin = {'model': args.model, 'generator': args.generator}
    bar = tqdm(classes, unit='class', disable=None)
    prompts = write_prompt_file(args.output, writer, bar, args.count, tokenizer, settings, origin)
    sys.stdout.write(f'{len(prompts)} prompts in {args.output}; use them with synthesis.prompts={args.output}\n')
    return 0


def _classes(given: list[str]) -> list[str]:
    from mmseg_gen.engine.prompting import resolve_classes
    from mmseg_gen.generators.class_lists import CLASS_LISTS

    is_list = len(given) == 1 and (given[0] in CLASS_LISTS or Path(given[0]).is_file())
    return resolve_classes(given[0] if is_list else given)
