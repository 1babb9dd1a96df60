"""Backbones made of generative models."""

from __future__ import annotations

from .clip_backbone import ClipBackbone
from .diffusion_backbone import DiffusionBackbone

__all__ = ['ClipBackbone', 'DiffusionBackbone']
