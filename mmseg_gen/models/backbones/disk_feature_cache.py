"""Feature maps on disk, shared by runs and by processes: one memory-mapped file per image.

Layout: ``FOLDER/FINGERPRINT/settings.json`` and ``FOLDER/FINGERPRINT/ab/abcd....safetensors``. The fingerprint
covers the generator's weights and every setting that the features depend on, so what another model or other
settings wrote lies in another sub-folder and is never read.
"""

from __future__ import annotations

import hashlib
import json
import uuid
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmengine.logging import print_log
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from mmseg_gen.errors import UserError
from mmseg_gen.functional.writing import PARTIAL_PREFIX, write_atomically, write_bytes

from .feature_cache import FeatureCache, Maps

# Part of the fingerprint: a new format starts a folder of its own.
FORMAT = 1
SETTINGS_NAME = 'settings.json'
SUFFIX = '.safetensors'
_CHECK = 'crc32'
_WRITES_BETWEEN_COUNTS = 256


class DiskFeatureCache(FeatureCache):
    """Keep the feature maps of images in files, in half precision, until a limit is reached.

    Safe under several processes without locks: a file is written under a name of its own and renamed, and two
    processes that compute the same image write the same file. A file that is cut off or damaged is recognised
    by its length and its checksum, reported, and written anew. Nothing is ever deleted.

    Args:
        folder: Folder of caches, made where missing.
        settings: What the features depend on, as JSON: the sub-folder's name is a hash of it.
        max_mb: Limit of the sub-folder in MiB. Each process recounts the files from time to time, so several
            may exceed it together by what they write in between.

    Raises:
        UserError: The folder cannot be written, or its ``settings.json`` says something else.
        ValueError: ``max_mb`` is not positive.
    """

    # The header: names, shapes and the checksum.
    overhead = 1024

    def __init__(self, folder: str | Path, settings: Mapping[str, Any], max_mb: float) -> None:
        super().__init__(max_mb)
        self.folder, self.settings = Path(folder), dict(settings)
        text = json.dumps({'format': FORMAT, **self.settings}, indent=1, sort_keys=True) + '\n'
        self.path = self.folder / hashlib.sha256(text.encode('utf-8')).hexdigest()[:16]
        _claim(self.path, text)
        self._writes = 0
        self._count()
        print_log(
            f'Feature cache {self.path}: {self.num_files} images, {self.num_bytes / 2**20:.1f} of {max_mb:.0f} MiB',
            'current',
        )

    def __len__(self) -> int:
        return self.num_files

    def __reduce__(self) -> tuple[Any, ...]:
        return DiskFeatureCache, (str(self.folder), self.settings, self.max_bytes / 2**20)

    def file_of(self, key: bytes) -> Path:
        """Return where the maps of an image are, or would be."""
        name = key.hex()
        return self.path / name[:2] / f'{name}{SUFFIX}'

    def _read(self, key: bytes) -> Maps | None:
        path = self.file_of(key)
        if not path.is_file():
            return None
        try:
            with safe_open(path, framework='pt') as file:
                maps = tuple(file.get_tensor(str(i)) for i in range(len(file.keys())))
                sound = (file.metadata() or {}).get(_CHECK) == _checksum(maps)
        except (SafetensorError, OSError):
            sound = False
        if not sound:
            print_log(f'Damaged feature maps in {path}: computed and written anew.', 'current')
            return None
        return maps

    def _write(self, key: bytes, maps: Maps) -> int:
        path = self.file_of(key)
        path.parent.mkdir(exist_ok=True)
        before = path.stat().st_size if path.is_file() else None
        tensors = {str(i): x.contiguous() for i, x in enumerate(maps)}
        size = write_atomically(
            path, lambda partial: save_file(tensors, partial, {_CHECK: _checksum(maps)}), tag=f'{uuid.uuid4().hex}-'
        )
        self._writes += 1
        if self._writes % _WRITES_BETWEEN_COUNTS == 0:
            self._count()
            return 0
        self.num_files += before is None
        return size - (before or 0)

    def _count(self) -> None:
        files = [p for p in self.path.glob(f'*/*{SUFFIX}') if not p.name.startswith(PARTIAL_PREFIX)]
        self.num_files = len(files)
        self.num_bytes = sum(p.stat().st_size for p in files)


def _claim(path: Path, text: str) -> None:
    """Make a cache's folder, or check that it is this cache's."""
    settings = path / SETTINGS_NAME
    try:
        path.mkdir(parents=True, exist_ok=True)
        if not settings.is_file():
            write_bytes(settings, text.encode('utf-8'), tag=f'{uuid.uuid4().hex}-')
    except OSError as error:
        raise UserError(
            f'Expected `backbone.cache_features` to be a folder that can be written, but got {path.parent}: {error}'
        ) from error
    if settings.read_text(encoding='utf-8') != text:
        raise UserError(
            f'Expected {settings} to hold the settings that its folder is named after, but it holds others; '
            'give `backbone.cache_features` another folder.'
        )


def _checksum(maps: tuple[Tensor, ...]) -> str:
    value = 0
    for x in maps:
        value = zlib.crc32(memoryview(x.contiguous().numpy()).cast('B'), value)
    return f'{value:08x}'
