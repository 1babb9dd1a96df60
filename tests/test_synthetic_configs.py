"""Configs that train on synthetic labels and test on real ones: whole, consistent, and clear about what is missing."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope

import mmseg_gen.components  # noqa: F401
from mmseg_gen.engine.launch import leaf_datasets, synthetic_set
from mmseg_gen.engine.prompting import resolve_classes
from mmseg_gen.engine.settings import SynthesisSettings
from mmseg_gen.registry import DATASETS, MODELS

ROOT = Path(__file__).resolve().parents[1]
MODELS_OF_PAPERS = ('unet', 'deeplabv3', 'segformer')
CLASSES = {'voc12': 21, 'coco': 81, 'duts': 2, 'cub': 2}
NAMES = [f'{model}_synthetic-{data}' for model in MODELS_OF_PAPERS for data in CLASSES]


@cache
def load(name: str) -> Config:
    return Config.fromfile(ROOT / 'configs' / f'{name}.py')


@pytest.mark.parametrize('name', NAMES)
def test_the_model_builds_with_one_number_of_classes(name):
    cfg = load(name)
    # On the meta device nothing is allocated; SegFormer reads values while it is built, and is small.
    device = 'cpu' if name.startswith('segformer') else 'meta'
    with DefaultScope.overwrite_default_scope('mmseg'), torch.device(device):
        model = MODELS.build(cfg.model)
    expected = CLASSES[name.rpartition('-')[2]]
    assert model.decode_head.num_classes == model.decode_head.out_channels == expected
    assert model.decode_head.conv_seg.out_channels == expected
    assert model.data_preprocessor.size == (512, 512)


@pytest.mark.parametrize('name', NAMES)
def test_nothing_is_downloaded_unasked(name):
    cfg = load(name)
    assert cfg.model.get('pretrained') is None
    assert cfg.model.backbone.get('init_cfg') is None
    assert cfg.load_from is None


@pytest.mark.parametrize('name', NAMES)
def test_training_reads_what_the_synthesis_writes_and_testing_reads_real_images(name):
    cfg = load(name)
    assert synthetic_set(cfg) == Path(cfg.synthesis.output)
    (train,), (test,) = (list(leaf_datasets(cfg[side].dataset)) for side in ('train_dataloader', 'test_dataloader'))
    assert train.type == 'SyntheticDataset'
    assert test.type != 'SyntheticDataset'
    assert test.data_root in cfg.data_hint
    assert cfg.val_dataloader is None
    assert cfg.val_cfg is None
    assert cfg.val_evaluator is None


@pytest.mark.parametrize('name', NAMES)
def test_labels_mean_the_same_on_both_sides(name):
    cfg = load(name)
    settings = SynthesisSettings.from_dict(cfg.synthesis)
    kind = next(leaf_datasets(cfg.test_dataloader.dataset)).type
    real = DATASETS.get(kind).METAINFO['classes']
    assert len(real) == CLASSES[name.rpartition('-')[2]]
    if settings.objects is None:
        return
    words = resolve_classes(settings.classes)
    assert len(words) == len(real) - 1
    # Prompts say "potted plant" for "pottedplant" and "television" for "tvmonitor".
    same = [a.replace(' ', '') == b.replace(' ', '').lower() for a, b in zip(words, real[1:], strict=True)]
    assert sum(same) >= 0.9 * len(same)


@pytest.mark.parametrize('name', NAMES)
def test_a_missing_set_stops_with_the_command_that_makes_it(name, tmp_path, monkeypatch):
    import argparse

    from mmseg_gen.errors import UserError
    from tools.train import prepare_synthetic_set

    monkeypatch.chdir(tmp_path)
    args = argparse.Namespace(config=f'configs/{name}.py', synthesize=False)
    with pytest.raises(UserError, match=rf'Make it with `python tools/synthesize.py configs/{name}\.py`'):
        prepare_synthetic_set(load(name), args)
