"""Real photographs with masks, for tests: beside the checkout or where an environment variable says."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
VARIABLE = 'MMSEG_GEN_TEST_DATA'


def shared_folder(name: str) -> Path:
    """Return a folder of photographs; the calling test is skipped where it is absent."""
    folder = Path(os.environ.get(VARIABLE, ROOT.parent / 'shared' / 'data')) / name
    if not folder.is_dir():
        pytest.skip(f'no photographs in {folder}; name their folder with {VARIABLE}')
    return folder
