"""StyleGAN2's generator in pure PyTorch, and its checkpoints read without running them."""

from __future__ import annotations

from .config import StyleGan2Config, default_channels
from .mixing import mix_styles
from .network import StyleGan2
from .weights import load_stylegan2, read_checkpoint, save_stylegan2

__all__ = [
    'StyleGan2',
    'StyleGan2Config',
    'default_channels',
    'load_stylegan2',
    'mix_styles',
    'read_checkpoint',
    'save_stylegan2',
]
