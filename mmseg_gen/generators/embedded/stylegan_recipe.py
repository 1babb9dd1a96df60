"""Train the embedded StyleGAN2 and its residual encoder stage by stage, and write them with checksums."""

from __future__ import annotations

import argparse
import copy
import hashlib
import logging
from pathlib import Path

import torch
from torch import nn

from mmseg_gen.functional.writing import encode_png, write_bytes

from ..gan_encoding import save_encoder
from ..residual_encoder import ResidualEncoder
from ..stylegan2 import StyleGan2, save_stylegan2
from .encoder import ENCODER_CONFIG, encoder_loss
from .gan_quality import sample_sheet
from .stages import Loss
from .stylegan import (
    RegionTraining,
    build_embedded_stylegan2,
    logit_loss,
    mapping_loss,
    share_loss,
    synthesis_loss,
)
from .training import LoopSettings, TrainingLoop

logger = logging.getLogger(__name__)

MODEL, ENCODER, CHECKSUMS = 'model.safetensors', 'encoder.safetensors', 'SHA256SUMS'
RATE, ENCODER_RATE = 6e-3, 2e-3


def train_embedded_stylegan2(args: argparse.Namespace) -> tuple[StyleGan2, ResidualEncoder]:
    """Run the chosen stages in their order, write the result to ``work_dir``, and return it.

    A stage that is not chosen gives what was trained of it before.

    Args:
        args: Options of ``tools/train_embedded_stylegan2.py``.
    """
    device = torch.device(args.device or ('cuda' if torch.cuda.is_available() else 'cpu'))
    args.work_dir.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    model, encoder = build_embedded_stylegan2().to(device), ResidualEncoder(ENCODER_CONFIG).to(device)
    structure = RegionTraining(model.synthesis, 5, 32).to(device)
    regions = RegionTraining(model.synthesis, 7, 64).to(device)
    # The layers of colour and light alone: those before stay as they are in that stage.
    top = nn.ModuleList([*model.synthesis.convs[7:], *model.synthesis.to_rgbs[3:]])
    compiled = torch.compile(model.synthesis) if args.compile else None
    limit = args.minutes * 60 if args.minutes else None
    stages: dict[str, tuple[nn.Module, Loss, LoopSettings]] = {
        'mapping': (
            model.mapping, mapping_loss(model.mapping), LoopSettings(args.mapping_steps, 5e-3, ema_decay=0.99)
        ),
        'structure': (structure, logit_loss(structure, 2 * args.batch), LoopSettings(args.structure_steps, RATE)),
        'regions': (regions, share_loss(regions, args.batch), LoopSettings(args.region_steps, RATE)),
        'color': (top, synthesis_loss(model, args.batch, first=7), LoopSettings(args.color_steps, RATE)),
        'synthesis': (
            model.synthesis,
            synthesis_loss(model, args.batch, forward=compiled),
            LoopSettings(args.synthesis_steps, RATE, max_seconds=limit),
        ),
        'encoder': (encoder, encoder_loss(encoder), LoopSettings(args.encoder_steps, ENCODER_RATE, max_seconds=limit)),
    }  # fmt: skip
    for name, (module, loss, settings) in stages.items():
        _train(module, loss, args.work_dir / name, settings, name in args.stages)
    model.requires_grad_(False)
    model.mapping.mean_style.copy_(model.estimate_mean_style())
    save_stylegan2(model.eval(), args.work_dir / MODEL)
    save_encoder(encoder.eval(), args.work_dir / ENCODER)
    write_bytes(args.work_dir / 'samples.png', encode_png(sample_sheet(model, 4, 8)))
    logger.info('Networks and samples lie in %s', args.work_dir)
    return model, encoder


def _train(module: nn.Module, loss: Loss, folder: Path, settings: LoopSettings, chosen: bool) -> None:
    loop = TrainingLoop(module, loss, folder, settings)
    if loop.resume():
        logger.info('%s is at step %d', folder.name, loop.step)
    if chosen:
        loop.run()
    if loop.step:
        loop.use_average()


def export_stylegan2(model: StyleGan2, encoder: ResidualEncoder, target: Path) -> None:
    """Write both networks to ``target`` in float16 safetensors, and ``target/SHA256SUMS``."""
    target.mkdir(parents=True, exist_ok=True)
    save_stylegan2(copy.deepcopy(model).half(), target / MODEL)
    save_encoder(copy.deepcopy(encoder).half(), target / ENCODER)
    digests = [(hashlib.sha256((target / name).read_bytes()).hexdigest(), name) for name in (MODEL, ENCODER)]
    write_bytes(target / CHECKSUMS, ''.join(f'{digest}  {name}\n' for digest, name in digests).encode())
