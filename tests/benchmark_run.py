"""A benchmark's config on small data: one training step, and the evaluation of given predictions."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from mmengine.evaluator import Evaluator
from mmengine.optim import OptimWrapper
from mmengine.registry import DefaultScope
from mmengine.runner import Runner
from mmengine.structures import PixelData

import mmseg_gen.components  # noqa: F401
from mmseg_gen.registry import MODELS

ROOT = Path(__file__).resolve().parents[1]
SIDE = 32


def small_config(name: str, data_root: Path | str) -> Config:
    """Load ``configs/_base_/datasets/{name}.py`` for another folder, with tiny images and no workers."""
    config = Config.fromfile(ROOT / f'configs/_base_/datasets/{name}.py')
    for loader in (config.get('train_dataloader'), config.test_dataloader):
        if loader is None:
            continue
        loader.update(num_workers=0, persistent_workers=False, batch_size=2)
        loader.dataset.data_root = str(data_root)
        for step in loader.dataset.pipeline:
            if step['type'] in ('Resize', 'RandomResize'):
                step['scale'] = (2 * SIDE, 2 * SIDE)
            if step['type'] == 'RandomCrop':
                step['crop_size'] = (SIDE, SIDE)
    return config


def tiny_model(num_classes: int) -> torch.nn.Module:
    norm = dict(type='BN')
    backbone = dict(
        type='UNet', in_channels=3, base_channels=4, num_stages=2, strides=(1, 1), enc_num_convs=(1, 1),
        dec_num_convs=(1,), downsamples=(True,), enc_dilations=(1, 1), dec_dilations=(1,), norm_cfg=norm,
    )  # fmt: skip
    loss = dict(type='CrossEntropyLoss', avg_non_ignore=True)
    head = dict(
        type='FCNHead', in_channels=4, in_index=1, channels=4, num_convs=1, concat_input=False,
        num_classes=num_classes, norm_cfg=norm, loss_decode=loss,
    )  # fmt: skip
    preprocessor = dict(type='SegDataPreProcessor', size=(SIDE, SIDE), seg_pad_val=255, bgr_to_rgb=True)
    model = dict(type='EncoderDecoder', backbone=backbone, decode_head=head, data_preprocessor=preprocessor)
    with DefaultScope.overwrite_default_scope('mmseg'):
        return MODELS.build({**model, 'train_cfg': {}, 'test_cfg': dict(mode='whole')})


def train_one_step(config: Config) -> float:
    """Return the loss of one step with the train dataloader; the weights must move."""
    torch.manual_seed(0)
    with DefaultScope.overwrite_default_scope('mmseg'):
        loader = Runner.build_dataloader(config.train_dataloader, seed=0)
    model = tiny_model(len(loader.dataset.metainfo['classes']))
    optimizer = OptimWrapper(torch.optim.SGD(model.parameters(), lr=0.1))
    before = model.decode_head.conv_seg.weight.detach().clone()
    loss = float(model.train_step(next(iter(loader)), optimizer)['loss'].detach())
    assert not torch.equal(before, model.decode_head.conv_seg.weight)
    return loss


def evaluate(config: Config, predict: Callable[[str, tuple[int, int]], np.ndarray]) -> dict[str, Any]:
    """Score predictions, labels ``(H, W)`` by name and size of the image, with the config's own evaluator."""

    def fill(sample: Any) -> None:
        labels = predict(Path(sample.img_path).stem, sample.ori_shape)
        sample.pred_sem_seg = PixelData(data=torch.from_numpy(labels[None].astype(np.int64)))

    return evaluate_filled(config, fill)


def evaluate_filled(config: Config, fill: Callable[[Any], None]) -> dict[str, Any]:
    """Score the samples of the test dataloader after ``fill`` has put predictions into each."""
    with DefaultScope.overwrite_default_scope('mmseg'):
        loader = Runner.build_dataloader(config.test_dataloader, seed=0)
        evaluator = Evaluator(config.test_evaluator)
    evaluator.dataset_meta = loader.dataset.metainfo
    for batch in loader:
        for sample in batch['data_samples']:
            fill(sample)
        evaluator.process(data_samples=batch['data_samples'], data_batch=batch)
    return evaluator.evaluate(len(loader.dataset))


def mean_iou(pairs: list[tuple[np.ndarray, np.ndarray]], num_classes: int) -> float:
    """Count class by class: mean IoU in per cent of predictions and truths, 255 left out, absent classes left out."""
    ious = []
    occurring = set().union(*(set(np.unique(labels).tolist()) for pair in pairs for labels in pair))
    for index in sorted(occurring & set(range(num_classes))):
        common = sum(int(((p == index) & (t == index)).sum()) for p, t in pairs)
        union = sum(int((((p == index) | (t == index)) & (t != 255)).sum()) for p, t in pairs)
        if union:
            ious.append(common / union)
    return 100 * float(np.mean(ious))
