"""Read a config file and override its settings; what is wrong with either is one sentence."""

from __future__ import annotations

import argparse
import inspect
import os
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmseg_gen.errors import UserError

if TYPE_CHECKING:
    from mmengine.config import Config

# Beside the arguments of MMEngine's Runner: what it, FlexibleRunner and the tools read from a config.
_RUNNER_OPTIONS = (
    'activation_checkpointing', 'compile', 'custom_imports', 'efficient_conv_bn_eval', 'find_unused_parameters',
    'model_wrapper_cfg', 'runner_type', 'strategy', 'sync_bn',
)  # fmt: skip
_TOOL_SECTIONS = ('tta_model', 'tta_pipeline', 'data_hint', 'synthesis', 'concept', 'refiner')


def read_config(path: str | os.PathLike[str]) -> Config:
    """Return a config read from its file.

    Raises:
        FileNotFoundError: There is no such file.
        UserError: The file or one that it builds on does not parse, or raises an error.
    """
    from mmengine.config import Config

    import mmseg_gen.registry  # noqa: F401  (compatibility first: a config may import mmseg)

    if not Path(path).is_file():
        raise FileNotFoundError(f'Expected a config file, but there is no {path}.')
    try:
        return Config.fromfile(path)
    except Exception as error:  # A config is Python code, it may raise anything.
        reason = f'{type(error).__name__}: {error}'
        raise UserError(f'Expected {path} to be a config, but it does not load: {reason}') from error


def add_config_options(parser: argparse.ArgumentParser) -> None:
    """Add MMSegmentation's argument ``--cfg-options``."""
    from mmseg_gen.engine.config_options import OptionsAction

    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=OptionsAction,
        type=_key_value,
        metavar='KEY=VALUE',
        help='settings that override the config, such as train_cfg.max_iters=100; lists as key="[a,b]"; values that '
        'hold a comma belong in the config',
    )


def _key_value(text: str) -> str:
    if '=' not in text[1:]:
        raise argparse.ArgumentTypeError(f'Expected KEY=VALUE without blanks around the =, but got {text!r}')
    return text


def override_config(config: Config, options: Mapping[str, Any]) -> None:
    """Override settings of a config in place.

    Args:
        config: The config.
        options: New values by dotted keys, ``{'model.backbone.depth': 50}``. A new key may be added inside a section, a
            new section only where something reads it: a misspelt name would otherwise be ignored.

    Raises:
        UserError: A section is unknown, a whole section would be replaced by a number or a text, or a key goes through
            something that is neither a dict nor a list.
    """
    known = [*config.keys(), *_runner_sections(), *_RUNNER_OPTIONS, *_TOOL_SECTIONS]
    for key in options:
        section = key.split('.')[0]
        if section not in known:
            close = get_close_matches(section, known, n=1)
            cure = f'did you mean `{close[0]}`?' if close else f'it has {", ".join(sorted(config.keys()))}.'
            raise UserError(f'Expected --cfg-options to name a section of the config, but got `{key}`; {cure}')
        _check_replacement(config, key, options[key])
    try:
        config.merge_from_dict(dict(options))
    except (KeyError, TypeError, AttributeError, IndexError, AssertionError) as error:
        names = ', '.join(options)
        raise UserError(f'Expected --cfg-options that fit the config, but got {names}: {error}') from error


def _check_replacement(config: Config, key: str, value: Any) -> None:
    old: Any = config
    for part in key.split('.'):
        old = old.get(part) if isinstance(old, Mapping) or old is config else None
    # Some settings are a name or a dict: a folder of photos, or the config of a data set.
    if isinstance(old, Mapping) and (isinstance(value, (int, float)) or ('.' not in key and isinstance(value, str))):
        keys = ', '.join(f'{key}.{name}' for name in old)
        raise UserError(f'Expected --cfg-options to override a setting, but `{key}={value}` is a section: {keys}.')


def _runner_sections() -> list[str]:
    from mmengine.runner import Runner

    return [name for name in inspect.signature(Runner.__init__).parameters if name not in ('self', 'cfg')]
