"""Data sets of one class, faces, radiographs and plain folders: from the distributed form to a score that is known."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine.structures import PixelData
from PIL import Image

from mmseg_gen.datasets.converters.celebamask import convert_celebamask
from mmseg_gen.datasets.layouts.celebamask import write_celebamask_faces
from mmseg_gen.datasets.layouts.cub import write_cub_scenes
from mmseg_gen.datasets.layouts.human36m import write_human36m_scenes
from mmseg_gen.datasets.layouts.ms_cxr import NAME, write_ms_cxr_scenes
from mmseg_gen.datasets.layouts.saliency import write_saliency_scenes
from mmseg_gen.datasets.layouts.stanford import dog_annotation, dog_list, write_cars_scenes, write_dogs_scenes
from tests.benchmark_run import evaluate, evaluate_filled, mean_iou, small_config, train_one_step
from tests.references.boxes import bounding_box, box_overlap, largest_component_box
from tests.shared_data import shared_folder

# Written out from the authors' g_mask.py, not imported.
FACE_PARTS = (
    'skin nose eye_g l_eye r_eye l_brow r_brow l_ear r_ear mouth u_lip l_lip hair hat ear_r neck_l neck cloth'
).split()


def score(config, predictions: dict[str, np.ndarray]) -> dict[str, float]:
    """Score bool masks by stem, as sure logits, with the config's own evaluator."""

    def fill(sample) -> None:
        mask = torch.from_numpy(predictions[Path(sample.img_path).stem])
        assert tuple(mask.shape) == tuple(sample.ori_shape)
        sample.seg_logits = PixelData(data=torch.stack([~mask, mask]).float() * 40 - 20)
        sample.pred_sem_seg = PixelData(data=mask[None].long())

    return evaluate_filled(config, fill)


def shifted(mask: np.ndarray) -> np.ndarray:
    return np.roll(mask, (1, 3), (0, 1))


def iou(a: np.ndarray, b: np.ndarray) -> float:
    pairs = list(zip(a.ravel().tolist(), b.ravel().tolist(), strict=True))
    return sum(x and y for x, y in pairs) / sum(x or y for x, y in pairs)


def check_iou(measured: dict, truths: dict[str, np.ndarray]) -> None:
    expected = np.mean([iou(shifted(t), t) for t in truths.values()])
    assert measured['sal/IoU'] == pytest.approx(expected, abs=1e-6)
    assert 0.3 < expected < 0.95


def check_boxes(measured: dict, truths: dict[str, np.ndarray]) -> None:
    found = [box_overlap(largest_component_box(shifted(t)), bounding_box(t)) for t in truths.values()]
    assert measured['loc/BoxIoU'] == pytest.approx(np.mean(found), abs=1e-6)
    assert measured['loc/CorLoc'] == pytest.approx(np.mean([f > 0.5 for f in found]), abs=1e-6)
    assert 0.3 < np.mean(found) < 1


def all_shifted(truths: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name: shifted(truth) for name, truth in truths.items()}


@pytest.mark.parametrize('name', ['duts', 'dut_omron', 'ecssd'])
def test_saliency_from_its_folders_to_its_score(tmp_path, name):
    truths = write_saliency_scenes(tmp_path, 'duts_test' if name == 'duts' else name, 4)
    config = small_config(name, tmp_path)
    if name == 'duts':
        write_saliency_scenes(tmp_path, 'duts_train', 3)
        assert np.isfinite(train_one_step(config))
    check_iou(score(config, all_shifted(truths)), truths)


def test_cub_from_its_tables_to_its_scores(tmp_path):
    truths = write_cub_scenes(tmp_path, 9)
    config = small_config('cub', tmp_path)
    assert np.isfinite(train_one_step(config))
    test = {stem: mask for i, (stem, mask) in enumerate(truths.items()) if i % 3 == 2}
    measured = score(config, all_shifted(test))
    check_iou(measured, test)
    check_boxes(measured, test)


def test_stanford_dogs_from_xml_and_lists_to_its_score(tmp_path):
    truths = write_dogs_scenes(tmp_path, 6)
    test = dict(list(truths.items())[1::2])
    check_boxes(score(small_config('stanford_dogs', tmp_path), all_shifted(test)), test)


@pytest.mark.parametrize('form', ['devkit', 'one_file'])
def test_stanford_cars_from_either_form_to_its_score(tmp_path, form):
    truths = write_cars_scenes(tmp_path, 6, form=form)
    test = dict(list(truths.items())[1::2])
    check_boxes(score(small_config('stanford_cars', tmp_path), all_shifted(test)), test)


@pytest.mark.parametrize('name', ['stanford_dogs', 'stanford_cars', 'ms_cxr'])
def test_boxes_can_be_trained_on_as_masks(tmp_path, name):
    write = {'stanford_dogs': write_dogs_scenes, 'stanford_cars': write_cars_scenes, 'ms_cxr': write_ms_cxr_scenes}
    write[name](tmp_path, 4)
    config = small_config(name, tmp_path)
    config.train_dataloader = config.test_dataloader.copy()
    resize = dict(type='Resize', scale=(32, 32), keep_ratio=False)
    pipeline = [dict(type='LoadImageFromFile'), dict(type='BoxesAsMask'), resize, dict(type='PackSegInputs')]
    config.train_dataloader.dataset.pipeline = pipeline
    assert np.isfinite(train_one_step(config))


def test_human36m_from_its_folders_to_its_scores(tmp_path):
    truths = write_human36m_scenes(tmp_path, 8)
    config = small_config('human36m', tmp_path)
    assert np.isfinite(train_one_step(config))
    test = dict(list(truths.items())[1::2])
    measured = score(config, all_shifted(test))
    check_iou(measured, test)
    check_boxes(measured, test)


def face_labels(parts: dict[str, np.ndarray]) -> np.ndarray:
    """Return the label map at twice the size, pixel by pixel."""
    height, width = parts['skin'].shape
    labels = np.zeros((2 * height, 2 * width), np.uint8)
    for y in range(2 * height):
        for x in range(2 * width):
            on = [i for i, name in enumerate(FACE_PARTS, 1) if name in parts and parts[name][y // 2, x // 2]]
            labels[y, x] = on[-1] if on else 0
    return labels


@pytest.fixture(scope='module')
def faces(tmp_path_factory):
    root = tmp_path_factory.mktemp('faces')
    parts = write_celebamask_faces(root, 6)
    done = convert_celebamask(root)
    assert (done.written, done.kept) == (6, 0)
    return root, {name: face_labels(found) for name, found in parts.items()}


def test_faces_are_merged_in_the_documented_order(faces):
    root, truths = faces
    for name, truth in truths.items():
        found = cv2.imread(str(root / f'CelebAMask-HQ-mask/{name}.png'), cv2.IMREAD_UNCHANGED)
        assert np.array_equal(found, truth)
    assert set(np.unique(list(truths.values()))) >= {0, 1, 2, 4, 13, 17, 18}
    assert convert_celebamask(root).kept == 6


def test_faces_to_their_scores(faces):
    root, truths = faces
    config = small_config('celebamask_hq', root)
    assert np.isfinite(train_one_step(config))
    test = {name: truths[name] for name in ('2', '5')}
    measured = evaluate(config, lambda name, size: shifted(test[name]))
    expected = mean_iou([(shifted(t), t) for t in test.values()], 19)
    found = next(value for key, value in measured.items() if key.split('/')[-1] == 'mIoU')
    assert found * (1 if found > 1 else 100) == pytest.approx(expected, abs=0.02)


def test_heads_to_their_scores(faces):
    root, truths = faces
    config = small_config('celebamask_hq_head', root)
    assert np.isfinite(train_one_step(config))
    test = {name: np.isin(truths[name], range(1, 16)) for name in ('2', '5')}
    measured = evaluate(config, lambda name, size: shifted(test[name]))
    joined = [
        np.concatenate([t.ravel() for t in masks]) for masks in ([shifted(t) for t in test.values()], test.values())
    ]
    pooled = iou(*joined)
    values = [value for key, value in measured.items() if 'fg' in key.lower()]
    assert any(value == pytest.approx(pooled, abs=1e-4) for value in values), (pooled, measured)


@pytest.mark.parametrize('suffix', ['json', 'csv'])
def test_ms_cxr_from_either_file_to_its_scores(tmp_path, suffix):
    boxes = write_ms_cxr_scenes(tmp_path, 4)
    config = small_config('ms_cxr', tmp_path)
    config.test_dataloader.dataset.ann_file = f'{NAME}.{suffix}'
    truths = {}
    for stem, rectangles in boxes.items():
        truths[stem] = np.zeros((80, 64), bool)
        for x1, y1, x2, y2 in rectangles:
            truths[stem][y1:y2, x1:x2] = True
    measured = score(config, all_shifted(truths))
    check_iou(measured, truths)
    found = []
    for stem, rectangles in boxes.items():
        predicted = largest_component_box(shifted(truths[stem]))
        found.append(max(box_overlap(predicted, box) for box in rectangles))
    assert measured['loc/BoxIoU'] == pytest.approx(np.mean(found), abs=1e-6)


def test_a_plain_folder_to_its_score(tmp_path):
    truths = {}
    for part in ('train', 'test'):
        for i, suffix in enumerate(('jpg', 'PNG', 'bmp')):
            mask = np.zeros((40, 52), bool)
            mask[5 + i : 25, 10 : 30 + i] = True
            for folder in ('images/sub', 'masks/sub'):
                (tmp_path / part / folder).mkdir(parents=True, exist_ok=True)
            image = np.where(mask[..., None], 200, 30).repeat(3, -1).astype(np.uint8)
            cv2.imwrite(str(tmp_path / part / f'images/sub/{i}.{suffix}'), image)
            cv2.imwrite(str(tmp_path / part / f'masks/sub/{i}.png'), mask.astype(np.uint8) * 255)
            truths[str(i)] = mask
    config = small_config('folder', tmp_path)
    assert np.isfinite(train_one_step(config))
    check_iou(score(config, all_shifted(truths)), truths)


@pytest.mark.parametrize('name', ['ecssd', 'folder'])
def test_real_photographs_of_salient_objects(tmp_path, name):
    source = shared_folder('saliency')
    images, masks = ('images', 'ground_truth_mask') if name == 'ecssd' else ('test/images', 'test/masks')
    truths = {}
    for folder in (images, masks):
        (tmp_path / folder).mkdir(parents=True)
    for path in sorted((source / 'images').iterdir())[::40]:
        shutil.copy(path, tmp_path / images)
        shutil.copy(source / f'masks/{path.stem}.png', tmp_path / masks)
        truths[path.stem] = cv2.imread(str(source / f'masks/{path.stem}.png'), cv2.IMREAD_GRAYSCALE) > 127
    assert len(truths) == 5
    measured = score(small_config(name, tmp_path), all_shifted(truths))
    expected = np.mean([(shifted(t) & t).sum() / (shifted(t) | t).sum() for t in truths.values()])
    assert measured['sal/IoU'] == pytest.approx(expected, abs=1e-6)


def test_real_photographs_of_dogs_with_boxes(tmp_path):
    source = shared_folder('animals')
    records = json.loads((source / 'labels.json').read_text())
    chosen = [r for r in records if r['labels'] == ['dog'] and r.get('mask') and len(r['boxes']) == 1][:6]
    names, truths, expected = [], {}, []
    for record in chosen:
        stem = Path(record['file']).stem
        names.append(f'n1-dog/{stem}')
        mask = np.array(Image.open(source / f'masks/{record["mask"]}'))
        truths[stem] = shifted((mask > 0) & (mask < 255))
        x1, y1, x2, y2 = record['boxes'][0]['xyxy']
        scale = mask.shape[1] / record['width'], mask.shape[0] / record['height']
        box = [int((x1 - 1) * scale[0]), int((y1 - 1) * scale[1]), round(x2 * scale[0]), round(y2 * scale[1])]
        filled = np.zeros(mask.shape[:2], bool)
        filled[box[1] : box[3], box[0] : box[2]] = True
        expected.append(box_overlap(largest_component_box(truths[stem]), box))
        for folder in ('Images/n1-dog', 'Annotation/n1-dog'):
            (tmp_path / folder).mkdir(parents=True, exist_ok=True)
        shutil.copy(source / f'images/{record["file"]}', tmp_path / f'Images/n1-dog/{stem}.jpg')
        annotation = dog_annotation(stem, 'n1-dog', filled.shape, filled)
        (tmp_path / f'Annotation/n1-dog/{stem}').write_bytes(annotation)
    (tmp_path / 'test_list.mat').write_bytes(dog_list(names))
    measured = score(small_config('stanford_dogs', tmp_path), truths)
    assert measured['loc/BoxIoU'] == pytest.approx(np.mean(expected), abs=1e-6)
