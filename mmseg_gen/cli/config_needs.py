"""What a config needs before it runs: data set folders and generator weights."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mmseg_gen.cli.health import Finding, State, available_id, is_cached

GENERATOR_KEY = 'generator'


def config_findings(path: Path, *, required: bool) -> list[Finding]:
    """Return what a config lacks, or that it lacks nothing.

    Args:
        path: Config file.
        required: Whether a lack is a problem, or only worth a note.
    """
    from mmengine.config import Config

    import mmseg_gen.registry  # noqa: F401  (makes `mmseg::` and safe loading work)

    try:
        config = Config.fromfile(path)
    except Exception as error:  # A config is Python code, it may raise anything.
        return [Finding(State.PROBLEM, f'{path} does not load: {type(error).__name__}: {error}')]
    lacks = [
        *_missing_data(config.to_dict(), path),
        *_missing_generators(config.to_dict()),
        *_missing_checkpoints(config.to_dict()),
    ]
    state = State.PROBLEM if required else State.NOTE
    return [Finding(state, f'{path}: {lack}') for lack in lacks] or [Finding(State.GOOD, f'{path}: ready')]


def walk(node: Any) -> Iterator[dict]:
    """Yield every dict in a nest of dicts, lists and tuples."""
    if isinstance(node, dict):
        yield node
        node = list(node.values())
    if isinstance(node, (list, tuple)):
        for child in node:
            yield from walk(child)


def _missing_data(config: dict, path: Path) -> list[str]:
    lacks = {}
    for section in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        for node in walk(config.get(section)):
            root = node.get('data_root')
            if isinstance(root, str) and not Path(root).is_dir():
                hint = config.get('data_hint', {}).get(root)
                lacks[root] = _data_cure(str(node.get('type')), root, path, hint)
    return list(lacks.values())


def _data_cure(dataset: str, root: str, path: Path, hint: str | None) -> str:
    if dataset.rpartition('.')[2] == 'SyntheticDataset':
        return f'synthetic set {root} is not made yet; make it with: python tools/synthesize.py {path}'
    hint = hint or 'Put or link the data set there, or set `data_root`.'
    return f'{dataset} expects its data in {root}. {hint}'


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
