"""DiffusionSeg's protocols (Tab. 1) by the test tool: each leaf config on its benchmark's own layout, tiny models."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope
from PIL import Image

import mmseg_gen.components  # noqa: F401
from mmseg_gen.datasets.converters.coco_subset import convert_coco_subset
from mmseg_gen.datasets.layouts.coco import CROWD_EVERY, write_coco20k_scenes
from mmseg_gen.datasets.layouts.coco import SHOWN as COCO_SHOWN
from mmseg_gen.datasets.layouts.cub import write_cub_scenes
from mmseg_gen.datasets.layouts.saliency import write_saliency_scenes
from mmseg_gen.datasets.layouts.scene_images import scene_images
from mmseg_gen.datasets.layouts.voc import SHOWN as VOC_SHOWN
from mmseg_gen.datasets.layouts.voc import write_voc_scenes
from mmseg_gen.registry import MODELS
from tests.references.boxes import bounding_box, box_overlap, largest_component_box
from tests.tiny_models import save_tiny, tiny_parts

pytestmark = pytest.mark.filterwarnings('ignore::UserWarning')
ROOT = Path(__file__).resolve().parents[2]
SIDE = 16


def object_boxes(labels, *, without=None):
    values = sorted(set(labels.ravel().tolist()) - {0, without})
    return [bounding_box(labels == value) for value in values]


def write_coco20k(root):
    names = write_coco20k_scenes(root, 4)
    folder = root / 'annotations'
    convert_coco_subset(
        folder / 'instances_train2014.json', folder / 'coco_20k_filenames.txt',
        folder / 'instances_train2014_sel20k.json',
    )  # fmt: skip
    scenes = list(scene_images(8, classes=COCO_SHOWN, split_number=2))[1::2]
    crowds = [s.labels.max() if s.number % CROWD_EVERY == CROWD_EVERY - 1 else None for s in scenes]
    return {n: object_boxes(s.labels, without=c) for n, s, c in zip(names, scenes, crowds, strict=True)}


def write_voc(root, year):
    names = write_voc_scenes(root, {'trainval': 4}, year=year)['trainval']
    scenes = scene_images(4, classes=VOC_SHOWN)
    return {name: object_boxes(scene.labels) for name, scene in zip(names, scenes, strict=True)}


def write_birds(root):
    truths = write_cub_scenes(root, 12)
    return {stem: mask for i, (stem, mask) in enumerate(truths.items()) if i % 3 == 2}


WRITERS = {
    'ecssd': lambda root: write_saliency_scenes(root, 'ecssd', 4),
    'dut_omron': lambda root: write_saliency_scenes(root, 'dut_omron', 4),
    'cub': write_birds,
    'voc07': lambda root: write_voc(root, 2007),
    'voc12': lambda root: write_voc(root, 2012),
    'coco20k': write_coco20k,
}


@pytest.fixture(scope='module')
def generator(tmp_path_factory):
    return save_tiny(tmp_path_factory.mktemp('tiny'), tiny_parts(clip=True))


def small(method, name, root, generator, work_dir):
    """Return the leaf config for tiny models and images, everything else as it is."""
    config = Config.fromfile(ROOT / f'configs/{method}_{name}.py')
    config.work_dir = str(work_dir)
    config.env_cfg.dist_cfg.backend = 'gloo'
    config.data_preprocessor.size = config.model.data_preprocessor.size = (SIDE, SIDE)
    tiny = dict(generator=str(generator), clip=None, steps=1)
    if method == 'attentioncut':
        config.model.update(tiny, prior=dict(classes=['cat', 'dog']))
    else:
        config.model.backbone.update(tiny, prior=None)
        config.model.decode_head.update(in_channels=[16, 32], widths=(8, 4))
    config.test_dataloader.update(num_workers=0, persistent_workers=False)
    config.test_dataloader.dataset.data_root = str(root)
    for step in config.test_dataloader.dataset.pipeline:
        if step['type'] == 'Resize':
            step['scale'] = (2 * SIDE, SIDE) if step.keep_ratio else (SIDE, SIDE)
    path = work_dir / 'config.py'
    config.dump(path)
    return config, path


def write_checkpoint(config, path):
    with DefaultScope.overwrite_default_scope('mmseg'):
        torch.manual_seed(0)
        model = MODELS.build(config.model)
    with torch.no_grad():
        model.decode_head.conv_seg.bias.copy_(torch.tensor([-0.02, 0.02]))
    torch.save({'state_dict': model.state_dict(), 'meta': {}}, path)


def run_tool(*arguments):
    spec = importlib.util.spec_from_file_location('tool_test', ROOT / 'tools/test.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.main([str(argument) for argument in arguments])


@pytest.mark.parametrize('method', ['diffusionseg', 'attentioncut'])
@pytest.mark.parametrize('name', WRITERS)
def test_each_benchmark_of_the_paper_is_scored_as_its_protocol_says(method, name, tmp_path, generator):
    truths = WRITERS[name](tmp_path / 'data')
    config, path = small(method, name, tmp_path / 'data', generator, tmp_path)
    checkpoint = []
    if method == 'diffusionseg':
        checkpoint = [tmp_path / 'model.pth']
        write_checkpoint(config, checkpoint[0])
    assert run_tool(path, *checkpoint, '--work-dir', tmp_path / 'scores', '--out', tmp_path / 'out') == 0
    (found,) = (tmp_path / 'scores').glob('*/*.json')
    scores = json.loads(found.read_text())
    predictions = {stem: np.asarray(Image.open(tmp_path / f'out/{stem}.png')) > 0 for stem in truths}
    assert len(list((tmp_path / 'out').iterdir())) == len(truths)
    if name.startswith(('voc', 'coco')):
        assert not [key for key in scores if key.startswith('sal/')]
        boxes = truths
    else:
        pairs = [(predictions[stem], mask) for stem, mask in truths.items()]
        expected = np.mean([(p & t).sum() / (p | t).sum() for p, t in pairs])
        assert scores['sal/IoU'] == pytest.approx(expected, abs=1e-4)
        assert scores['sal/Acc'] == pytest.approx(np.mean([(p == t).mean() for p, t in pairs]), abs=1e-4)
        assert 0 < scores['sal/maxF'] <= 1
        boxes = {stem: [bounding_box(mask)] for stem, mask in truths.items()} if name == 'cub' else {}
    best = [
        max(box_overlap(box, true) for true in boxes[stem]) if (box := largest_component_box(mask)) else 0.0
        for stem, mask in predictions.items()
        if boxes.get(stem)
    ]
    if best:
        assert scores['loc/CorLoc'] == pytest.approx(np.mean([b > 0.5 for b in best]), abs=1e-4)
        assert scores['loc/BoxIoU'] == pytest.approx(np.mean(best), abs=1e-4)
        assert 0 < scores['loc/BoxIoU'] < 1


def test_a_model_with_parameters_needs_a_checkpoint(tmp_path, generator, capsys):
    write_saliency_scenes(tmp_path / 'data', 'ecssd', 1)
    _, path = small('diffusionseg', 'ecssd', tmp_path / 'data', generator, tmp_path)
    assert run_tool(path, '--work-dir', tmp_path / 'scores') == 2
    assert 'error: Expected a checkpoint to test, but got none' in capsys.readouterr().err
