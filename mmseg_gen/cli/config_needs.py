"""What a config needs before it runs: data set folders and generator weights."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from mmseg_gen.cli.health import Finding, State, available_id, is_cached
from mmseg_gen.errors import UserError

GENERATOR_KEY, SYNTHETIC = 'generator', 'SyntheticDataset'


def config_findings(path: Path) -> list[Finding]:
    """Return what a config lacks, or that it lacks nothing."""
    try:
        config = _read(path)
    except (OSError, UserError) as error:
        return [Finding(State.PROBLEM, str(error))]
    lacks = [*_missing_sets(config, path), *_missing_downloads(config)]
    return [Finding(State.PROBLEM, f'{path}: {lack}') for lack in lacks] or [Finding(State.GOOD, f'{path}: ready')]


def survey(paths: Sequence[Path]) -> list[Finding]:
    """Return which of many configs are ready, and everything that the others lack, once; only errors are problems.

    Synthetic sets that are to be made do not count: a run makes them.
    """
    ready, wanting, broken = [], {}, []
    for path in paths:
        try:
            lacks = _missing_downloads(_read(path))
        except (OSError, UserError) as error:
            broken.append(Finding(State.PROBLEM, str(error)))
            continue
        for lack in lacks:
            wanting.setdefault(lack, []).append(path)
        if not lacks:
            ready.append(path.name)
    found = [Finding(State.GOOD, f'{len(ready)} of {len(paths)} are ready: {", ".join(ready)}')] if ready else []
    found += [Finding(State.NOTE, f'{_number(needy)}: {lack}') for lack, needy in wanting.items()]
    hint = [Finding(State.NOTE, f'what one config needs: mmseg-gen doctor {paths[0]}')] if wanting else []
    return [*broken, *found, *hint]


def _number(paths: Sequence[Path]) -> str:
    return str(paths[0]) if len(paths) == 1 else f'{paths[0]} and {len(paths) - 1} more'


def _read(path: Path) -> dict:
    from mmseg_gen.engine.config_file import read_config

    return read_config(path).to_dict()


def _missing_downloads(config: dict) -> list[str]:
    return [*_missing_data(config), *_missing_generators(config), *_missing_checkpoints(config)]


def walk(node: Any) -> Iterator[dict]:
    """Yield every dict in a nest of dicts, lists and tuples."""
    if isinstance(node, dict):
        yield node
        node = list(node.values())
    if isinstance(node, (list, tuple)):
        for child in node:
            yield from walk(child)


def _absent_folders(config: dict) -> dict[str, str]:
    """Return the type of the data set for each folder that is not there."""
    sections = (config.get(name) for name in ('train_dataloader', 'val_dataloader', 'test_dataloader'))
    nodes = [node for section in sections for node in walk(section) if isinstance(node.get('data_root'), str)]
    return {
        node['data_root']: str(node.get('type')).rpartition('.')[2]
        for node in nodes
        # A set with `render` writes its own scenes.
        if not node.get('render') and not Path(node['data_root']).is_dir()
    }


def _missing_sets(config: dict, path: Path) -> list[str]:
    roots = [root for root, kind in _absent_folders(config).items() if kind == SYNTHETIC]
    command = f'python tools/synthesize.py {path}'
    return [f'synthetic set {root} is not made yet; make it with: {command}' for root in roots]


def _missing_data(config: dict) -> list[str]:
    hints, default = config.get('data_hint', {}), 'Put or link the data set there, or set `data_root`.'
    return [
        f'{kind} expects its data in {root}. {hints.get(root, default)}'
        for root, kind in _absent_folders(config).items()
        if kind != SYNTHETIC
    ]


def generator_names(config: dict) -> list[str]:
    """Return the models that a config names: repository ids, folders, files, or ``embedded``."""
    nodes = list(walk(config))
    names = [node[GENERATOR_KEY] for node in nodes if isinstance(node.get(GENERATOR_KEY), str)]
    names += [str(node.get('model')) for node in nodes if node.get('type') == 'LanguageModelPrompts']
    return list(dict.fromkeys(names))


def _missing_generators(config: dict) -> list[str]:
    from mmseg_gen.generators.sources import EMBEDDED, embedded_folder

    lacks = []
    for name in generator_names(config):
        if name == EMBEDDED:
            if not (embedded_folder() / 'model_index.json').is_file():
                lacks.append('needs the embedded models, see above')
        elif not Path(name).expanduser().exists() and not is_cached(name):
            cure = f'hf download {available_id(name)}'
            lacks.append(f'needs the weights of {name}; fetch them with: {cure}')
    return lacks


def _missing_checkpoints(config: dict) -> list[str]:
    """Return what style mixing lacks: a StyleGAN2, photographs, a detector."""
    from mmseg_gen.generators.sources import EMBEDDED

    lacks = []
    for node in walk(config):
        if node.get('type') != 'StyleMixing':
            continue
        checkpoint, photos, boxes = node.get('checkpoint', EMBEDDED), node.get('photos'), node.get('boxes') or {}
        if checkpoint != EMBEDDED and not Path(checkpoint).expanduser().is_file():
            lacks.append(
                f'needs a StyleGAN2 in {checkpoint}; write it with: python tools/convert_stylegan2.py SRC {checkpoint}'
            )
        if photos is not None and not Path(photos).expanduser().is_dir():
            lacks.append(f'needs photographs in {photos}; put them there, or set synthesis.generator.photos')
        detector = boxes.get('model')
        if detector and not Path(detector).expanduser().exists() and not is_cached(detector):
            lacks.append(f'needs the detector {detector}; fetch it with: hf download {detector}')
    return lacks
