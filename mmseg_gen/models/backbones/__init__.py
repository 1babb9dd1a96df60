"""Backbones made of generative models."""

from __future__ import annotations

from .diffusion_backbone import DiffusionBackbone

__all__ = ['DiffusionBackbone']
