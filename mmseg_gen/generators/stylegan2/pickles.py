"""Tensors out of pickles without running them: NVIDIA's `.pkl` and PyTorch's `.pt`.

A pickle is a program: it may import any name and call it. Here a name is looked up in a short list of stand-ins of
ours, which can build tensors and plain containers and nothing else; any other name ends the reading.
"""

from __future__ import annotations

import argparse
import io
import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, ClassVar

import torch
from torch import Tensor

from mmseg_gen.errors import UserError

_LEGACY_TORCH = b'\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19'
_ZIP = b'PK'
# Opcodes that reach objects by other ways than `find_class`, or claim memory before they read; neither form has them.
_REFUSED_OPCODES = (
    pickle.PERSID,
    pickle.BINPERSID,
    pickle.EXT1,
    pickle.EXT2,
    pickle.EXT4,
    pickle.INST,
    pickle.OBJ,
    pickle.BYTEARRAY8,
    pickle.NEXT_BUFFER,
)


@dataclass
class Record:
    """An object of a class that is not ours: what was stored of it, inert.

    Attributes:
        class_name: Name of its class.
        state: Its attributes as they were stored.
    """

    class_name: str = ''
    state: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class _Storage:
    bytes: torch.UntypedStorage
    dtype: torch.dtype


class _PlainDict(dict):
    """Stands for classes derived from dict."""


def read_torch_file(path: Path) -> Any:
    """Return what `torch.save` wrote, by PyTorch's own reader of tensors and plain containers.

    Raises:
        UserError: The file is truncated, holds anything else, or tensors larger than the file.
    """
    try:
        _check_archive(path)
        with torch.serialization.safe_globals([argparse.Namespace]):
            content = torch.load(path, map_location='cpu', weights_only=True)
    except (FileNotFoundError, PermissionError):
        raise
    except Exception as error:  # zip, pickle and tensor errors of many classes
        raise UserError(_refusal(path, error)) from error
    return content


def _check_archive(path: Path) -> None:
    if not zipfile.is_zipfile(path):
        return  # the old form, or a truncated one that PyTorch refuses
    with zipfile.ZipFile(path) as archive:
        unpacked = sum(info.file_size for info in archive.infolist())
    if unpacked > path.stat().st_size:
        raise pickle.UnpicklingError(f'it unpacks to {unpacked} bytes, more than it has')


def is_torch_file(path: Path) -> bool:
    """Return whether the file begins as `torch.save` writes it, in its present or its old form."""
    with path.open('rb') as file:
        return file.read(len(_LEGACY_TORCH)).startswith((_ZIP, _LEGACY_TORCH))


def read_persistent_pickle(path: Path) -> Any:
    """Return what NVIDIA's `pickle.dump` of a network wrote: plain containers, tensors and :class:`Record`.

    The source code that such a file carries is neither run nor kept.

    Raises:
        UserError: The file is truncated, names anything outside the list, or holds tensors larger than itself.
    """
    try:
        with path.open('rb') as file:
            return _Reader(_Bounded(file, path.stat().st_size)).load()
    except (FileNotFoundError, PermissionError):
        raise
    except Exception as error:  # a hostile stream can make any step of the reader fail
        raise UserError(_refusal(path, error)) from error


class _Bounded:
    """A file that never asks for more than is left, however long a pickle says that its next string is."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file, self._left = file, size

    def read(self, count: int) -> bytes:
        found = self._file.read(max(0, min(count, self._left)))
        self._left -= len(found)
        return found

    def readline(self) -> bytes:
        found = self._file.readline(self._left)
        self._left -= len(found)
        return found


class _Reader(pickle._Unpickler):
    """Unpickler in Python: unlike the one in C it keeps no table that a hostile index can make large."""

    dispatch: ClassVar[dict[int, Callable[..., Any]]] = {
        key: value for key, value in pickle._Unpickler.dispatch.items() if bytes([key]) not in _REFUSED_OPCODES
    }

    def find_class(self, module: str, name: str) -> Callable[..., Any]:
        found = _STAND_INS.get((module, name))
        if found is None:
            raise pickle.UnpicklingError(f'it asks for {module}.{name}, which is not on the list of harmless names')
        return found

    def load_build(self) -> None:
        state, target = self.stack.pop(), self.stack[-1]
        # The original would set attributes of anything, of our own functions too.
        if not isinstance(target, (Record, dict)):
            raise pickle.UnpicklingError(f'it changes a {type(target).__name__}')
        if isinstance(target, Record):
            target.state = state if isinstance(state, dict) else {'state': state}

    dispatch[pickle.BUILD[0]] = load_build


def _record(meta: dict[str, Any]) -> Record:
    return Record(str(meta['class_name']), dict(meta['state']))


def _inert(*stored: Any) -> Record:
    return Record('', {'arguments': stored})


def _storage(content: bytes) -> _Storage:
    storage = torch.load(io.BytesIO(content), map_location='cpu', weights_only=True)
    if not isinstance(storage, torch.storage.TypedStorage):
        raise pickle.UnpicklingError(f'it has a {type(storage).__name__} where a storage should be')
    return _Storage(storage._untyped_storage, storage.dtype)


def _tensor(storage: Any, offset: int, size: tuple, stride: tuple, *_: Any) -> Tensor:
    if not isinstance(storage, _Storage):
        raise pickle.UnpicklingError('it builds a tensor from something else than a storage')
    held = storage.bytes.nbytes() // storage.dtype.itemsize
    # Strides of zero would let a few bytes claim any size.
    if any(n < 0 for n in (offset, *size, *stride)) or torch.Size(size).numel() > held:
        raise pickle.UnpicklingError(f'it has a tensor of shape {tuple(size)} on {held} numbers')
    return torch.empty(0, dtype=storage.dtype).set_(storage.bytes, offset, size, stride)


def _parameter(data: Tensor, *_: Any) -> Tensor:
    return data


_STAND_INS: dict[tuple[str, str], Callable[..., Any]] = {
    ('collections', 'OrderedDict'): OrderedDict,
    ('builtins', 'set'): set,
    ('dnnlib.util', 'EasyDict'): _PlainDict,
    ('torch_utils.persistence', '_reconstruct_persistent_obj'): _record,
    ('torch.storage', '_load_from_bytes'): _storage,
    ('torch._utils', '_rebuild_tensor_v2'): _tensor,
    ('torch._utils', '_rebuild_parameter'): _parameter,
    ('numpy', 'dtype'): _inert,
    ('numpy', 'ndarray'): _inert,
    **{(f'numpy.{core}.multiarray', name): _inert for core in ('core', '_core') for name in ('scalar', '_reconstruct')},
}


def _refusal(path: Path, error: Exception) -> str:
    text = (str(error).splitlines() or [''])[0] or type(error).__name__
    return (
        f'Expected {path} to be a whole checkpoint of tensors and plain containers, but got: {text}. Pickles are '
        'never run here; get the file again from where its authors offer it.'
    )
