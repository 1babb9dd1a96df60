"""What MMEngine's Runner gets for a concept distillation."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mmseg_gen.engine.run_name import name_run
from mmseg_gen.errors import UserError

if TYPE_CHECKING:
    from mmengine.config import Config

FOLDER = 'distilled'
EXPORT_DTYPES = ('float32', 'float16')
_NEEDED = ('work_dir', 'model', 'train_dataloader', 'train_cfg', 'optim_wrapper')


def runner_config(config: Config) -> Config:
    """Return the config of the Runner, which works in ``WORK/distilled``; the given one stays as it is.

    Raises:
        UserError: A setting is missing or wrong.
    """
    from mmengine.config import Config

    own = Config(config.to_dict())
    missing = [key for key in _NEEDED if own.get(key) is None]
    if missing:
        raise UserError(
            f'Expected the config to have {", ".join(_NEEDED)}, but it lacks {", ".join(missing)}; see '
            'configs/fobadiffusion_cub.py.'
        )
    if own.get('export_dtype', EXPORT_DTYPES[0]) not in EXPORT_DTYPES:
        raise UserError(f'Expected `export_dtype` from {", ".join(EXPORT_DTYPES)}, but got {own.export_dtype!r}.')
    _check_interval(own)
    own.train_dataloader.dataset.setdefault('preliminary', str(Path(own.work_dir) / 'preliminary'))
    own.work_dir = str(Path(own.work_dir) / FOLDER)
    own.visualizer = dict(type='Visualizer', vis_backends=[dict(type='LocalVisBackend')])
    name_run(own, 'distillation')
    for kind in ('val', 'test'):
        own.update({f'{kind}_dataloader': None, f'{kind}_cfg': None, f'{kind}_evaluator': None})
    return own


def _check_interval(own: Config) -> None:
    interval = own.get('default_hooks', {}).get('checkpoint', {}).get('interval', 1)
    counts = own.optim_wrapper.get('accumulative_counts', 1)
    if interval % counts:
        raise UserError(
            'Expected `default_hooks.checkpoint.interval` to be a multiple of `optim_wrapper.accumulative_counts` '
            f'{counts}, but got {interval}: no checkpoint holds the gradients in between.'
        )
