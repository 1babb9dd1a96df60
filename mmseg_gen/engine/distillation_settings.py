"""``settings.json`` of a distillation: what its weights depend on; a run with other settings must not go on with it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmseg_gen.engine.launching import launched_worker
from mmseg_gen.engine.setting_values import first_difference
from mmseg_gen.errors import UserError
from mmseg_gen.functional.preliminary import read_preliminary
from mmseg_gen.functional.writing import write_bytes

if TYPE_CHECKING:
    from mmengine.config import Config

NAME = 'settings.json'
_TOP = ('model', 'optim_wrapper', 'param_scheduler', 'randomness', 'custom_hooks')


def deciding_settings(config: Config) -> dict[str, Any]:
    """Return what decides the weights after a given number of iterations, as plain JSON values.

    The number of iterations itself is left out: a training may be prolonged. Batches count over all processes.

    Args:
        config: From :func:`~mmseg_gen.engine.distillation_runner.runner_config`.

    Raises:
        UserError: The preliminary masks are missing.
    """
    loader = config.train_dataloader
    found = {key: config.get(key) for key in _TOP}
    found['dataset'] = {k: v for k, v in loader.dataset.items() if k not in ('preliminary', 'photos_root')}
    found['batch_size'] = loader.batch_size * launched_worker(config.get('launcher', 'none')).world_size
    found['photos'] = _photos_fingerprint(loader.dataset)
    return json.loads(json.dumps(found, default=str))


def _photos_fingerprint(dataset: Mapping[str, Any]) -> str:
    """Return a hash of the photos' names, their outcomes and their masks."""
    digest = hashlib.blake2b(digest_size=16)
    for photo in read_preliminary(Path(dataset['preliminary']), Path(dataset.get('photos_root', ''))):
        content = photo.mask.read_bytes() if photo.mask.is_file() else b''
        digest.update(json.dumps([photo.name, photo.outcome, len(content)]).encode('utf-8') + content)
    return digest.hexdigest()


def check_settings(folder: Path, settings: Mapping[str, Any]) -> None:
    """Check that a folder was trained with these settings, or not at all.

    Raises:
        UserError: One differs; the text names the first.
    """
    path = folder / NAME
    if not path.is_file():
        return
    name = first_difference(json.loads(path.read_text(encoding='utf-8')), settings)
    if name is not None:
        what = 'the preliminary masks' if name == 'photos' else f'`{name}`'
        raise UserError(
            f'Expected the settings with which {folder} was trained, but {what} changed since; choose another '
            '--work-dir, or the same settings.'
        )


def write_settings(folder: Path, settings: Mapping[str, Any]) -> None:
    """Write ``settings.json``."""
    folder.mkdir(parents=True, exist_ok=True)
    write_bytes(folder / NAME, (json.dumps(settings, indent=1, sort_keys=True) + '\n').encode('utf-8'))
