"""Settings that must hold before torch and huggingface_hub are imported, and fixtures for every test."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

import mmseg_gen  # noqa: F401  (MMSegmentation imports with mmcv-lite only after it, whichever test comes first)

os.environ.setdefault('OMP_NUM_THREADS', '1')
os.environ.setdefault('MKL_NUM_THREADS', '1')
os.environ['HF_HUB_OFFLINE'] = '1'
os.environ['TRANSFORMERS_VERBOSITY'] = 'error'
os.environ['MPLBACKEND'] = 'Agg'
# A program of its own: it imports the module beside it, for MMSegmentation installs a package `tests` that hides ours.
collect_ignore = ['engine/poisoned_synthesis.py']


def pytest_configure() -> None:
    """Choose Triton's interpreter where there is no GPU, which must be done before Triton is imported."""
    import torch

    if not torch.cuda.is_available():
        os.environ['TRITON_INTERPRET'] = '1'


@pytest.fixture(autouse=True)
def seeded() -> None:
    """Start each test from the same random states: the random crops of MMSeg draw from NumPy's global one."""
    import numpy as np
    import torch

    random.seed(0)
    np.random.seed(0)
    torch.manual_seed(0)


@pytest.fixture(scope='session')
def repository() -> Path:
    """Root of the checkout, the folder of ``setup.py``."""
    return Path(__file__).resolve().parents[1]


@pytest.fixture(scope='session')
def embedded_weights() -> Path:
    """Folder of the embedded pipeline; the test is skipped where it is absent."""
    from mmseg_gen.generators import embedded

    default = Path(embedded.__file__).parent / 'weights' / 'pipeline'
    folder = Path(os.environ.get('MMSEG_GEN_EMBEDDED', default))
    if not (folder / 'model_index.json').is_file():
        pytest.skip(f'no embedded weights in {folder}')
    return folder
