"""Each benchmark from its distributed form through converter, data set and a training step to a score that is known."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from mmseg_gen.datasets.converters.coco_object import convert_coco_object
from mmseg_gen.datasets.converters.coco_subset import convert_coco_subset
from mmseg_gen.datasets.converters.context import convert_context_json, convert_context_mats
from mmseg_gen.datasets.layouts.coco import CROWD_EVERY, write_coco20k_scenes, write_coco_scenes
from mmseg_gen.datasets.layouts.coco import SHOWN as COCO_SHOWN
from mmseg_gen.datasets.layouts.context import write_context_scenes
from mmseg_gen.datasets.layouts.scene_images import SceneImage, scene_images
from mmseg_gen.datasets.layouts.voc import SHOWN as VOC_SHOWN
from mmseg_gen.datasets.layouts.voc import write_voc_scenes
from mmseg_gen.generators.embedded.scenes import CLASSES
from tests.benchmark_run import evaluate, mean_iou, small_config, train_one_step
from tests.references.boxes import bounding_box, box_overlap
from tests.shared_data import shared_folder

VOC_IDS = {'bird': 3, 'boat': 4, 'car': 7, 'dog': 12, 'person': 15}
CONTEXT_60_IDS = {'bird': 7, 'boat': 8, 'car': 14, 'cup': 21, 'dog': 23, 'flower': 27, 'person': 37, 'tree': 53}
COCO_IDS = {'person': 1, 'car': 3, 'boat': 9, 'bird': 15, 'dog': 17, 'cup': 42}


def numbered(scene: SceneImage, ids: dict[str, int]) -> np.ndarray:
    """Return a scene's labels under other numbers, from the renderer alone."""
    labels = np.zeros(scene.labels.shape, np.uint8)
    for i, name in enumerate(CLASSES):
        labels[scene.labels == 1 + i] = ids.get(name, 0)
    return labels


def corrupted(labels: np.ndarray) -> np.ndarray:
    """Shift labels by two columns and one row: a prediction that is wrong in a known way."""
    return np.roll(labels, (1, 2), (0, 1))


def score(config, names: list[str], truths: list[np.ndarray], wrong, num_classes: int) -> None:
    """Compare the config's mIoU of corrupted truth with one counted here."""
    predictions = {name: wrong(truth) for name, truth in zip(names, truths, strict=True)}
    measured = evaluate(config, lambda name, size: predictions[name])['mIoU']
    expected = mean_iou([(predictions[n], t) for n, t in zip(names, truths, strict=True)], num_classes)
    assert measured == pytest.approx(expected, abs=0.011)
    assert 20 < expected < 99


@pytest.mark.parametrize(
    ('name', 'year', 'train', 'test'), [('voc12', 2012, 'train', 'val'), ('voc07', 2007, 'trainval', 'test')]
)
def test_voc_from_its_tree_to_its_score(tmp_path, name, year, train, test):
    names = write_voc_scenes(tmp_path, {train: 3, test: 6}, year=year)
    config = small_config(name, tmp_path)
    assert np.isfinite(train_one_step(config))
    truths = []
    for scene in scene_images(6, classes=VOC_SHOWN, split_number=1):
        labels = numbered(scene, VOC_IDS)
        border = ndimage.maximum_filter(labels, 3, mode='nearest') != ndimage.minimum_filter(labels, 3, mode='nearest')
        truths.append(np.where(border, 255, labels))
    score(config, names[test], truths, lambda t: corrupted(np.where(t == 255, 0, t)), 21)


@pytest.mark.parametrize('form', ['mat', 'json'])
def test_context_from_either_form_to_its_scores(tmp_path, form):
    names = write_context_scenes(tmp_path, {'train': 3, 'val': 7})
    if form == 'mat':
        convert_context_mats(tmp_path / 'trainval', tmp_path)
    else:
        convert_context_json(tmp_path / 'trainval_merged.json', tmp_path)
    truths = [numbered(scene, CONTEXT_60_IDS) for scene in scene_images(7, split_number=1)]
    with_background = small_config('context60', tmp_path)
    score(with_background, names['val'], truths, corrupted, 60)
    without = small_config('context59', tmp_path)
    reduced = [np.where(t == 0, 255, t.astype(int) - 1) for t in truths]
    score(without, names['val'], reduced, lambda t: corrupted(np.where(t == 255, 3, t)), 59)
    if form == 'mat':
        assert np.isfinite(train_one_step(with_background))
        assert np.isfinite(train_one_step(without))


def coco_truth(scene: SceneImage) -> np.ndarray:
    labels = numbered(scene, COCO_IDS)
    if scene.number % CROWD_EVERY == CROWD_EVERY - 1:
        labels[scene.labels == scene.labels.max()] = 255
    return labels


def test_coco_object_from_its_json_to_its_score(tmp_path):
    for split, count in (('train2017', 3), ('val2017', 7)):
        names = write_coco_scenes(tmp_path, count, split=split)
        convert_coco_object(tmp_path / f'annotations/instances_{split}.json', tmp_path / f'object_labels/{split}')
    config = small_config('coco_object', tmp_path)
    assert np.isfinite(train_one_step(config))
    truths = [coco_truth(scene) for scene in scene_images(7, classes=COCO_SHOWN)]
    assert any((t == 255).any() for t in truths)
    score(config, names, truths, lambda t: corrupted(np.where(t == 255, 0, t)), 81)


def boxes_of(scene: SceneImage, crowds: bool = False) -> list[tuple[int, int, int, int]]:
    """Find the boxes of a scene's objects pixel by pixel."""
    boxes = []
    for label in sorted(set(scene.labels.ravel().tolist()) - {0}):
        if crowds and scene.number % CROWD_EVERY == CROWD_EVERY - 1 and label == scene.labels.max():
            continue
        boxes.append(bounding_box(scene.labels == label))
    return boxes


def check_localization(config, names: list[str], scenes: list[SceneImage], crowds: bool) -> None:
    """Predict one object's own box (right), or a corner (wrong), in turn, and compare CorLoc and box IoU."""
    predicted, best = {}, []
    for i, (name, scene) in enumerate(zip(names, scenes, strict=True)):
        truth = boxes_of(scene, crowds)
        x1, y1, x2, y2 = (0, 0, 5, 4) if i % 3 == 2 or not truth else truth[-1]
        x2 = min(x2 + i % 3, scene.labels.shape[1])
        predicted[name] = np.zeros(scene.labels.shape, np.uint8)
        predicted[name][y1:y2, x1:x2] = 5
        if truth:
            best.append(max(box_overlap((x1, y1, x2, y2), box) for box in truth))
    scores = evaluate(config, lambda name, size: predicted[name])
    assert scores['loc/CorLoc'] == pytest.approx(np.mean([b > 0.5 for b in best]))
    assert scores['loc/BoxIoU'] == pytest.approx(np.mean(best), abs=1e-6)
    assert 0.3 < scores['loc/CorLoc'] < 0.9


@pytest.mark.parametrize(('name', 'year'), [('voc12_boxes', 2012), ('voc07_boxes', 2007)])
def test_voc_boxes_reach_the_metric(tmp_path, name, year):
    names = write_voc_scenes(tmp_path, {'trainval': 7}, year=year)
    config = small_config(name, tmp_path)
    check_localization(config, names['trainval'], list(scene_images(7, classes=VOC_SHOWN)), crowds=False)


def test_coco20k_from_json_and_list_to_corloc(tmp_path):
    names = write_coco20k_scenes(tmp_path, 7)
    annotations = tmp_path / 'annotations'
    full = annotations / 'instances_train2014.json'
    convert_coco_subset(full, annotations / 'coco_20k_filenames.txt', annotations / 'instances_train2014_sel20k.json')
    convert_coco_object(full, tmp_path / 'object_labels/train2014')
    config = small_config('coco20k', tmp_path)
    assert np.isfinite(train_one_step(config))
    scenes = list(scene_images(14, classes=COCO_SHOWN, split_number=2))[1::2]
    check_localization(config, names, scenes, crowds=True)


def checkered(name: str, size: tuple[int, int], num_classes: int) -> np.ndarray:
    """Predict from nothing but name and size: diagonal stripes of all classes."""
    y, x = np.mgrid[: size[0], : size[1]]
    return (y // 24 + x // 24 + len(name)) % num_classes


def test_voc_photographs_give_the_score_that_counting_gives():
    root = shared_folder('VOCdevkit/VOC2012')
    config = small_config('voc12', root)
    assert np.isfinite(train_one_step(config))
    config.test_dataloader.dataset.indices = 30
    measured = evaluate(config, lambda name, size: checkered(name, size, 3))
    pairs = []
    for name in (root / 'ImageSets/Segmentation/val.txt').read_text().split()[:30]:
        truth = np.asarray(Image.open(root / f'SegmentationClass/{name}.png'))
        pairs.append((checkered(name, truth.shape, 3), truth))
    assert measured['mIoU'] == pytest.approx(mean_iou(pairs, 21), abs=0.011)
    inside = [(p == t)[t != 255] for p, t in pairs]
    assert measured['aAcc'] == pytest.approx(100 * np.concatenate(inside).mean(), abs=0.011)


def test_coco_photographs_give_the_score_that_counting_gives(tmp_path):
    root = shared_folder('coco_mini')
    index = json.loads((root / 'index.json').read_text())
    order = {int(category): i + 1 for i, category in enumerate(sorted(map(int, index['categories'])))}
    pairs, count = [], 30
    (tmp_path / 'labels').mkdir()
    for item in index['items'][:count]:
        stored = np.asarray(Image.open(root / f'masks/{item["id"]}.png'))
        labels = np.zeros_like(stored)
        for category in np.unique(stored).tolist():
            labels[stored == category] = 255 if category == 255 else order.get(category, 0)
        Image.fromarray(labels).save(tmp_path / f'labels/{item["id"]}.png')
        pairs.append((checkered(item['id'], labels.shape, 5), labels))
    names = tmp_path / 'list.txt'
    names.write_text('\n'.join(item['id'] for item in index['items'][:count]))
    config = small_config('coco_object', root)
    folders = {'img_path': str(root / 'images'), 'seg_map_path': str(tmp_path / 'labels')}
    for loader in (config.train_dataloader, config.test_dataloader):
        loader.dataset.update(split=None, ann_file=str(names), data_prefix=folders)
    assert np.isfinite(train_one_step(config))
    measured = evaluate(config, lambda name, size: checkered(name, size, 5))['mIoU']
    assert measured == pytest.approx(mean_iou(pairs, 81), abs=0.011)


def test_the_names_of_the_ids_in_this_file_are_those_of_mmseg():
    from mmseg.datasets import PascalContextDataset, PascalVOCDataset

    assert all(PascalVOCDataset.METAINFO['classes'][i] == n for n, i in VOC_IDS.items())
    assert all(PascalContextDataset.METAINFO['classes'][i] == n for n, i in CONTEXT_60_IDS.items())
    prompts = Path(__file__).resolve().parents[2] / 'mmseg_gen/generators/prompt_lists/coco.txt'
    listed = [line.split('\t')[0] for line in prompts.read_text().splitlines() if not line.startswith('#')]
    assert all(listed[i - 1] == n for n, i in COCO_IDS.items())
