"""Decode heads over the features of generative models."""

from __future__ import annotations

from .diffusion_fcn_head import DiffusionFCNHead

__all__ = ['DiffusionFCNHead']
