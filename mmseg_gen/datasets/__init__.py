"""Data sets: one file per benchmark, the generated set, and the transforms that label."""

from __future__ import annotations

from . import transforms
from .duts import DUTSDataset
from .synthetic import SyntheticDataset

__all__ = ['DUTSDataset', 'SyntheticDataset', 'transforms']
