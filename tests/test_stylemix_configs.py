"""Configs of style mixing: the settings of the paper's Tab. S1, whole, and trained on what they make."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope

import mmseg_gen.components  # noqa: F401
from mmseg_gen.datasets.transforms import StyleMixingLabel
from mmseg_gen.engine.launch import leaf_datasets, synthetic_set
from mmseg_gen.engine.settings import SynthesisSettings
from mmseg_gen.engine.style_settings import StyleMixingSettings
from mmseg_gen.registry import MODELS

ROOT = Path(__file__).resolve().parents[1]
# k, c, foreground, colours: style mixing, Tab. S1.
TABLE_S1 = {
    'ffhq': (3, 8, 'saliency', 'lab'),
    'afhq_wild': (3, 7, 'saliency', 'lab'),
    'afhq_cat': (2, 5, 'corner', 'lab'),
    'celebahq': (3, 8, 'saliency', 'lab'),
    'lsun_horse': (2, 5, 'corner', 'lab'),
    'deeprooms': (2, 8, 'corner', 'rgb'),
}
NAMES = [f'stylemix_{data}{model}' for data in TABLE_S1 for model in ('', '_deeplabv3')]
EMBEDDED = ['embedded_stylemix', 'embedded_stylemix_deeplabv3']


@cache
def load(name: str) -> Config:
    return Config.fromfile(ROOT / 'configs' / f'{name}.py')


@pytest.mark.parametrize('name', NAMES)
def test_settings_are_those_of_the_paper(name):
    data = name.removeprefix('stylemix_').removesuffix('_deeplabv3')
    settings = SynthesisSettings.from_dict(load(name).synthesis)
    style = StyleMixingSettings.from_dict(settings.generator)
    label = StyleMixingLabel(**{key: value for key, value in settings.labeller.items() if key != 'type'})
    found = (label.clustering.clusters, style.cutoff, label.foreground.foreground, label.clustering.color_space)
    assert found == TABLE_S1[data]
    assert style.count == 50
    assert (style.boxes is not None) == (data in ('lsun_horse', 'deeprooms'))
    assert (style.photos is not None) == (data == 'celebahq')


@pytest.mark.parametrize('name', [*NAMES, *EMBEDDED])
def test_training_reads_what_the_synthesis_writes(name):
    cfg = load(name)
    assert synthetic_set(cfg) == Path(cfg.synthesis.output)
    (train,), (test,) = (list(leaf_datasets(cfg[side].dataset)) for side in ('train_dataloader', 'test_dataloader'))
    assert train.type == 'SyntheticDataset'
    assert test.type != 'SyntheticDataset'
    assert test.data_root in cfg.data_hint
    assert cfg.val_dataloader is None
    assert any(metric.type == 'TrimapIoUMetric' and metric.widths == [3] for metric in cfg.test_evaluator)


@pytest.mark.parametrize('name', [*NAMES, *EMBEDDED])
def test_the_model_has_the_classes_of_the_labels(name):
    cfg = load(name)
    with DefaultScope.overwrite_default_scope('mmseg'), torch.device('meta'):
        model = MODELS.build(cfg.model)
    classes = SynthesisSettings.from_dict(cfg.synthesis).classes
    assert model.decode_head.num_classes == model.decode_head.out_channels == len(classes) + 1
