"""What MMSegmentation needs to run on mmcv-lite, with safe checkpoints and without pkg_resources.

`offer_ops_stub` needs nothing but the standard library and runs when `mmseg_gen` is imported; `apply` does
the rest and runs when `mmseg_gen.registry` is imported, which every registered component does.
"""

from __future__ import annotations

import importlib.util
import pickle
import sys
from collections.abc import Callable
from functools import cache, partial
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn

from mmseg_gen.errors import UserError
from mmseg_gen.versions import version_problems

OPS_MODULE = 'mmcv._ext'


class _OpsStub(ModuleType):
    """Stand in for MMCV's compiled ops: each can be looked up, and raises when it is called."""

    def __getattr__(self, name: str) -> Callable[..., NoReturn]:
        if name.startswith('__'):
            raise AttributeError(name)

        def missing(*_args: Any, **_kwargs: Any) -> NoReturn:
            raise RuntimeError(
                f'The compiled MMCV op `{name}` is not in mmcv-lite. Build the full package in its place: '
                'pip uninstall mmcv-lite && pip install --no-build-isolation "mmcv>=2.0.0,<2.2"'
            )

        return missing


class _OpsStubFinder(MetaPathFinder, Loader):
    """Provide the stub for ``mmcv._ext``; last on the meta path, so that a real build always wins."""

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        return ModuleSpec(fullname, self) if fullname == OPS_MODULE else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _OpsStub(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Do nothing: the stub answers every name by itself."""


def offer_ops_stub() -> None:
    """Let ``import mmcv._ext``, which `mmseg.models` does without need, succeed on mmcv-lite."""
    if not any(isinstance(finder, _OpsStubFinder) for finder in sys.meta_path):
        sys.meta_path.append(_OpsStubFinder())


def has_compiled_ops() -> bool:
    """Return whether MMCV's compiled ops are installed. Imports `mmcv`."""
    spec = importlib.util.find_spec(OPS_MODULE)
    return spec is not None and not isinstance(spec.loader, _OpsStubFinder)


def check_versions() -> None:
    """Compare the installed libraries with the supported ranges.

    Raises:
        UserError: A library is missing or outside its range; the message has both bounds and the cure.
    """
    problems = version_problems()
    if problems:
        raise UserError(' '.join(problems))


def load_checkpoint_file(path: str, map_location: Any = None) -> Any:
    """Load a checkpoint without running any code that it may hold.

    Args:
        path: File written by MMEngine or by `torch.save`.
        map_location: As in `torch.load`.

    Raises:
        FileNotFoundError: There is no such file.
        UserError: The file is damaged, or holds more than tensors, numbers, containers and MMEngine's log.
    """
    import torch

    file = Path(path).expanduser()
    if not file.is_file():
        raise FileNotFoundError(f'Expected a checkpoint file, but there is no {file}.')
    _allow_checkpoint_classes()
    try:
        return torch.load(file, map_location=map_location, weights_only=True)
    except pickle.UnpicklingError as error:
        raise UserError(
            f'Expected {file} to hold tensors and plain values, but got a pickle that is refused because '
            f'loading it could run code ({_refused_object(error)}). If you trust it, save only its '
            '`state_dict` again with torch.save, or convert it to safetensors.'
        ) from error
    except (EOFError, RuntimeError, LookupError, TypeError, ValueError) as error:
        reason = str(error).split('. ')[0] or type(error).__name__
        raise UserError(
            f'Expected a complete checkpoint, but could not read {file} ({reason}); copy it again, or give another.'
        ) from error


def _refused_object(error: pickle.UnpicklingError) -> str:
    lines = [line.strip() for line in str(error).splitlines() if 'GLOBAL' in line or 'Unsupported' in line]
    return lines[0] if lines else 'not a checkpoint of torch.save'


def _history_attribute(owner: Any, name: str) -> Any:
    """Stand in for `getattr` while unpickling: only MMEngine's log may name its own methods that way."""
    from mmengine.logging.history_buffer import HistoryBuffer

    if owner is not HistoryBuffer or not isinstance(name, str) or name.startswith('_'):
        raise pickle.UnpicklingError(f'Unsupported attribute {name!r} of {owner!r}')
    return getattr(owner, name)


@cache
def _allow_checkpoint_classes() -> None:
    """Allow `torch.load` the classes in MMEngine's checkpoints: its log and the numpy arrays in it."""
    import numpy as np
    import torch
    from mmengine.logging.history_buffer import HistoryBuffer
    from numpy._core import multiarray

    rebuild, scalar = multiarray._reconstruct, multiarray.scalar
    kinds = ('f2', 'f4', 'f8', 'i1', 'i2', 'i4', 'i8', 'u1', 'u2', 'u4', 'u8', 'b1')
    torch.serialization.add_safe_globals(
        [
            *(HistoryBuffer, np.ndarray, np.dtype, rebuild, scalar),
            (_history_attribute, 'builtins.getattr'),
            # Names in files written with numpy 1.
            (rebuild, 'numpy.core.multiarray._reconstruct'),
            (scalar, 'numpy.core.multiarray.scalar'),
            *{type(np.dtype(kind)) for kind in kinds},
        ]
    )


def _load_safely_in_mmengine() -> None:
    """Make MMEngine's loaders, local and by URL, refuse pickles with a clear message."""
    from mmengine.runner import checkpoint

    def load_from_local(filename: str, map_location: Any) -> Any:
        return load_checkpoint_file(filename, map_location)

    checkpoint.CheckpointLoader.register_scheme(prefixes='', loader=load_from_local, force=True)
    # torch.hub.load_state_dict_from_url runs pickles unless told otherwise.
    checkpoint.load_url = partial(checkpoint.load_url, weights_only=True)


def _find_packages_without_pkg_resources() -> None:
    """Let ``mmseg::`` configs resolve where setuptools (82 and later) no longer has pkg_resources."""
    if importlib.util.find_spec('pkg_resources') is not None:
        return
    from mmengine.config import config
    from mmengine.config.utils import MODULE2PACKAGE

    modules = {package: module for module, package in MODULE2PACKAGE.items()}

    def is_installed(package: str) -> bool:
        return importlib.util.find_spec(modules.get(package, package)) is not None

    def get_installed_path(package: str) -> str:
        spec = importlib.util.find_spec(modules.get(package, package))
        if spec is None or spec.origin is None:
            raise UserError(f'Expected `{package}` to be installed. Run: pip install {package}')
        return str(Path(spec.origin).parent)

    config.is_installed, config.get_installed_path = is_installed, get_installed_path


@cache
def apply() -> None:
    """Check versions, then make MMEngine, MMCV and MMSegmentation work together. Idempotent.

    Raises:
        UserError: A library is missing or has an unsupported version.
    """
    check_versions()
    offer_ops_stub()
    _allow_checkpoint_classes()
    _load_safely_in_mmengine()
    _find_packages_without_pkg_resources()
