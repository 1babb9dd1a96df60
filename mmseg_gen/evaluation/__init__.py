"""Metrics: registered classes that accumulate; their formulas are in :mod:`mmseg_gen.functional`."""

from __future__ import annotations

from .saliency_metric import SaliencyMetric

__all__ = ['SaliencyMetric']
