"""MATLAB files of the benchmarks, read with SciPy, which runs no code of theirs."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mmseg_gen.errors import UserError


def read_mat(path: str | os.PathLike[str], name: str) -> np.ndarray:
    """Return a variable of a MATLAB file with axes of length 1 left out.

    Raises:
        UserError: There is no such file, it is damaged, or it has no such variable.
    """
    from scipy.io import loadmat

    if not Path(path).is_file():
        raise UserError(f'Expected a MATLAB file, but there is no {path}: set `data_root`, or unpack it.')
    try:
        return np.asarray(loadmat(path, variable_names=[name], squeeze_me=True)[name])
    # SciPy raises many types on damaged files, some of them its own.
    except Exception as error:
        raise UserError(
            f'Expected a MATLAB file with `{name}`, but could not read {path} ({type(error).__name__}: {error}): '
            'fetch it again.'
        ) from error


def read_mat_records(path: str | os.PathLike[str], name: str, fields: Sequence[str]) -> list[tuple]:
    """Return the named fields of each element of a struct array.

    Raises:
        UserError: As :func:`read_mat`, or a field is missing.
    """
    records = np.atleast_1d(read_mat(path, name))
    missing = [field for field in fields if field not in (records.dtype.names or ())]
    if missing:
        raise UserError(
            f'Expected the fields {", ".join(fields)} of `{name}` in {path}, but {", ".join(missing)} are missing: '
            'is this the right file?'
        )
    return [tuple(record[field] for field in fields) for record in records]
