"""What the train and test tools share: arguments, config, and one clear sentence for what is missing."""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmseg_gen.engine.config_file import add_config_options, override_config, read_config
from mmseg_gen.errors import UserError
from mmseg_gen.functional.manifest import read_manifest

if TYPE_CHECKING:
    from mmengine.config import Config

# What Python says of a call that a config's keys do not fit.
_WRONG_ARGUMENTS = re.compile(r'(__init__|set_randomness)\(\) (got an unexpected keyword|missing \d+ required)')
LAUNCHERS = ('none', 'pytorch', 'slurm', 'mpi')


def add_runner_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that MMSeg's train and test tools have in common."""
    parser.add_argument('--work-dir', help='folder for logs, checkpoints and results; default work_dirs/CONFIG_NAME')
    add_config_options(parser)
    parser.add_argument('--launcher', choices=LAUNCHERS, default='none', help='how several processes are started')
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0, help='set by the launcher')


def load_config(args: argparse.Namespace) -> Config:
    """Return the config named by the arguments, with their overrides and a `work_dir`.

    Args:
        args: ``config`` and the values of `add_runner_arguments`.

    Raises:
        FileNotFoundError: There is no such file.
        UserError: The file does not parse, imports something that is not there, or does not fit the overrides.
    """
    config = read_config(args.config)
    config.launcher = args.launcher
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    if args.cfg_options is not None:
        override_config(config, args.cfg_options)
    config.work_dir = args.work_dir or config.get('work_dir') or str(Path('work_dirs') / Path(args.config).stem)
    return config


@contextmanager
def known_types_only() -> Iterator[None]:
    """Turn the errors on an unknown ``type`` in a config, or on an argument that it lacks, into a `UserError`."""
    try:
        yield
    except KeyError as error:
        text = str(error.args[0]) if error.args else ''
        if 'is not in the' not in text:
            raise
        raise UserError(
            f'{text.split(". ")[0]}. Correct the `type` in the config, or name the module that registers '
            'it in `custom_imports`.'
        ) from error
    except TypeError as error:
        if 'is not a callable object' in str(error):
            raise UserError(
                f'Expected every `type` of the config to be registered, but one is not ({error}).'
            ) from error
        if not _WRONG_ARGUMENTS.search(str(error)):
            raise
        raise UserError(f'Expected the config to give what each `type` takes, but {error}; correct the key.') from error


def find_checkpoint(path: str) -> str:
    """Return the file of a checkpoint given as a file, a URL, or a work folder (its last checkpoint).

    ``WORK_DIR/latest.pth`` also means the last checkpoint of the folder.

    Raises:
        FileNotFoundError: There is none.
    """
    if '://' in path or Path(path).is_file():
        return path
    folder = Path(path).parent if Path(path).name == 'latest.pth' else Path(path)
    pointer = folder / 'last_checkpoint'
    if pointer.is_file():
        last = Path(pointer.read_text(encoding='utf-8').strip())
        for candidate in (last, folder / last.name):
            if candidate.is_file():
                return str(candidate)
    raise FileNotFoundError(
        f'Expected a checkpoint file or a work folder with one, but got {path}; tools/train.py writes them.'
    )


def leaf_datasets(dataset: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the configs of the data sets inside wrappers such as ConcatDataset and RepeatDataset."""
    inner = dataset.get('datasets', dataset.get('dataset'))
    if inner is None:
        yield dataset
        return
    for item in inner if isinstance(inner, (list, tuple)) else [inner]:
        yield from leaf_datasets(item)


def require_data(config: Config, loader: str) -> None:
    """Check that the data sets of a loader are there.

    Args:
        config: A config of MMSeg; its ``data_hint``, where it has one, tells how to make or get the data.
        loader: Name of the loader in the config, such as 'test_dataloader'.

    Raises:
        UserError: The config has no such loader.
        FileNotFoundError: The folder of a data set is missing.
    """
    if config.get(loader) is None:
        raise UserError(f'Expected the config to have a `{loader}`, but it has none.')
    for dataset in leaf_datasets(config[loader].dataset):
        # A set with `render` writes its own scenes.
        root = None if dataset.get('render') else dataset.get('data_root')
        if root and not Path(root).expanduser().is_dir():
            hint = config.get('data_hint', {}).get(root, 'Put it there, or set `data_root` to where it is.')
            if loader == 'val_dataloader':
                hint += ' To train without validation set `val_dataloader`, `val_evaluator` and `val_cfg` to None.'
            raise FileNotFoundError(
                f'Expected the data set of `{loader}` ({dataset.get("type")}) in {root}, but there is no '
                f'such folder. {hint}'
            )


def synthetic_set(config: Config) -> Path | None:
    """Return the folder of the config's synthetic set if it is trained on that set, else None."""
    output = (config.get('synthesis') or {}).get('output')
    if output is None or config.get('train_dataloader') is None:
        return None
    roots = [d.get('data_root') for d in leaf_datasets(config.train_dataloader.dataset)]
    folder = Path(output).expanduser()
    return folder if folder in [Path(root).expanduser() for root in roots if root] else None


def missing_samples(config: Config) -> int:
    """Return how many samples of the synthetic set are still to be made; 0 where there is no such set."""
    folder = synthetic_set(config)
    if folder is None:
        return 0
    return max(0, int(config.synthesis.get('num_samples') or 1) - len(read_manifest(folder)))
