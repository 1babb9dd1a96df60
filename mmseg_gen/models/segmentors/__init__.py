"""Segmentors and wrappers around them."""

from __future__ import annotations

from .mean_tta import MeanTTAModel

__all__ = ['MeanTTAModel']
