"""What a result was made with: the weights and the libraries."""

from __future__ import annotations

import hashlib
from pathlib import Path

from mmseg_gen.generators.sources import embedded_folder
from mmseg_gen.versions import SUPPORTED, __version__, installed_version


def weights_digest(folder: Path | None = None) -> str:
    """Return a SHA-256 over the names and contents of all files of a pipeline folder.

    Args:
        folder: None for the embedded models.

    Raises:
        FileNotFoundError: The folder holds no file.
    """
    folder = embedded_folder() if folder is None else folder
    paths = sorted(path for path in folder.rglob('*') if path.is_file())
    if not paths:
        raise FileNotFoundError(f'Expected the weights in {folder}, but it holds no file.')
    digest = hashlib.sha256()
    for path in paths:
        digest.update(path.relative_to(folder).as_posix().encode('utf-8') + b'\0')
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def library_versions() -> dict[str, str]:
    """Return the versions of this package and of the libraries it builds on."""
    found = {name: installed_version(name) for name in (*SUPPORTED, 'numpy', 'scipy', 'PyMaxflow')}
    return {'mmseg_gen': __version__, **{name: version for name, version in found.items() if version}}
