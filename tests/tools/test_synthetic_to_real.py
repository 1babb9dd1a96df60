"""From nothing to a score on label maps: synthesis, training and test by the tools, on the embedded generator."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mmseg_gen.datasets.labelled_scenes import write_labelled_scenes
from mmseg_gen.datasets.layouts.voc import write_voc_scenes
from mmseg_gen.functional.manifest import read_manifest
from mmseg_gen.generators.embedded.scenes import CLASSES

pytestmark = pytest.mark.filterwarnings('ignore::UserWarning')
ROOT = Path(__file__).resolve().parents[2]
# Narrow networks, two iterations, and whatever label maps two denoising steps give.
SHARED = """
_base_ = ['{root}/configs/{config}.py']
work_dir = '{folder}/work'
synthesis = dict(
    output='{folder}/synthetic', num_samples=3, steps=2, batch_size=3, first_batch=3,
    filter=dict(_delete_=True), labeller=dict(min_contrast=0.0, min_share=0.0),
)
norm_cfg = dict(type='SyncBN', requires_grad=True)
data_preprocessor = dict(size=(64, 64))
model = dict(
    data_preprocessor=data_preprocessor,
    backbone=dict(base_channels=4, norm_cfg=norm_cfg),
    decode_head=dict(in_channels=4, channels=4, norm_cfg=norm_cfg),
)
train_cfg = dict(max_iters=2, val_interval=2)
default_hooks = dict(checkpoint=dict(interval=2), logger=dict(interval=1))
train_dataloader = dict(
    batch_size=2, num_workers=0, persistent_workers=False, dataset=dict(data_root='{folder}/synthetic'{train})
)
test_dataloader = dict(
    batch_size=1, num_workers=0, persistent_workers=False, dataset=dict(data_root='{folder}/real'{test})
)
"""
VOC = """
synthesis.update(generator='embedded', height=64, width=64, dtype='float32')
synthesis.update(objects=(1, 1), template='a photo of a {class}')
"""


def run_tool(name, *arguments):
    spec = importlib.util.spec_from_file_location(f'tool_{name}', ROOT / 'tools' / f'{name}.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.main([str(a) for a in arguments])


def write_config(folder, config, train='', test='', more=''):
    path = folder / 'config.py'
    path.write_text(SHARED.format(root=ROOT, folder=folder, config=config, train=train, test=test) + more)
    return path


def train_and_test(folder, config):
    """Run the three tools and return the scores that the last one wrote."""
    assert run_tool('synthesize', config) == 0
    assert run_tool('train', config) == 0
    assert run_tool('test', config, folder / 'work', '--work-dir', folder / 'work') == 0
    (found,) = [p for p in (folder / 'work').rglob('*.json') if 'vis_data' not in p.parts]
    return json.loads(found.read_text())


def test_ten_classes_by_the_embedded_config(tmp_path, embedded_weights):
    shown = write_labelled_scenes(tmp_path / 'real', 2)
    scores = train_and_test(tmp_path, write_config(tmp_path, 'embedded_multiclass'))
    assert 0 <= scores['mIoU'] <= 100
    entries = read_manifest(tmp_path / 'synthetic')
    assert [e.class_name for e in entries] == list(CLASSES[:3])
    for entry in entries:
        allowed = {0, 255, *(1 + CLASSES.index(name) for name in entry.class_names)}
        assert set(np.unique(Image.open(tmp_path / 'synthetic' / entry.files['mask'][0]))) <= allowed
    for number, names in enumerate(shown):
        labels = np.array(Image.open(tmp_path / 'real' / 'labels' / f'scene_{number:06d}.png'))
        assert set(np.unique(labels)) == {0, *(1 + CLASSES.index(name) for name in names)}


def test_a_config_of_voc_on_its_own_layout(tmp_path, embedded_weights):
    write_voc_scenes(tmp_path / 'real', {'val': 2})
    small = "[dict(type='LoadImageFromFile'), dict(type='LoadLabels', num_classes=21), dict(type='PackSegInputs')]"
    config = write_config(tmp_path, 'unet_synthetic-voc12', f', pipeline={small}', f', pipeline={small}', VOC)
    scores = train_and_test(tmp_path, config)
    assert 0 <= scores['mIoU'] <= 100
    assert [e.class_name for e in read_manifest(tmp_path / 'synthetic')] == ['aeroplane', 'bicycle', 'bird']
