"""Ground truth of benchmarks by name: masks, boxes, phrases, and the names of their images."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.metrics import roc_auc_score

from mmseg_gen.datasets import MSCXRDataset
from mmseg_gen.datasets.layouts.cub import write_cub_scenes
from mmseg_gen.datasets.layouts.ms_cxr import CATEGORIES, NAME, write_ms_cxr_scenes
from mmseg_gen.errors import UserError
from mmseg_gen.evaluation.stored_masks import evaluate_masks
from mmseg_gen.evaluation.truth_sets import _keys, known_data_sets, open_benchmark
from tests.evaluation.stored_cases import SIZE, iou_by_counting, save

FINDING = CATEGORIES[1]


def write_voc(root):
    """Write three images in VOC's layout and return their true label maps."""
    rng = np.random.default_rng(3)
    truths = {}
    for number, name in enumerate(('2007_000001', '2007_000002', '2007_000003')):
        truth = np.zeros(SIZE, np.uint8)
        truth[2:8, 4:15] = (1, 8, 15)[number]
        truth[1, 4:15] = 255
        save(root / f'JPEGImages/{name}.jpg', rng.integers(0, 255, (*SIZE, 3)).astype(np.uint8))
        save(root / f'SegmentationClass/{name}.png', truth, palette=True)
        truths[name] = truth
    lists = root / 'ImageSets/Segmentation'
    lists.mkdir(parents=True)
    (lists / 'val.txt').write_text('2007_000001\n2007_000002\n')
    (lists / 'train.txt').write_text('2007_000003\n')
    return truths


def test_a_benchmark_by_its_short_name(tmp_path):
    truths = write_voc(tmp_path / 'voc')
    pairs = []
    for name in ('2007_000001', '2007_000002'):
        predicted = np.roll(np.where(truths[name] == 255, 0, truths[name]), 2, axis=1)
        save(tmp_path / f'pred/{name}.png', predicted)
        pairs.append((predicted, truths[name]))
    scores = evaluate_masks(tmp_path / 'pred', open_benchmark('voc12', tmp_path / 'voc', 'val'))
    assert scores.data_set == 'voc12 val'
    assert scores.metrics['class/IoU/cat'] == pytest.approx(iou_by_counting(pairs, 8))
    assert scores.metrics['class/IoU/background'] == pytest.approx(iou_by_counting(pairs, 0))
    assert [i.key for i in open_benchmark('voc12', tmp_path / 'voc', 'train').images] == ['2007_000003']


def test_predictions_of_another_palette_are_refused_for_voc(tmp_path):
    truths = write_voc(tmp_path / 'voc')
    for name in ('2007_000001', '2007_000002'):
        path = tmp_path / f'pred/{name}.png'
        save(path, np.where(truths[name] == 255, 0, truths[name]), palette=True)
        colours = Image.open(path).convert('RGB')
        colours.quantize(4).save(path)
    truth = open_benchmark('voc12', tmp_path / 'voc', 'val')
    with pytest.raises(
        UserError, match=r"2 of 2 masks .*VOC's palette in .*000001\.png, but index 0 has the colour of"
    ):
        evaluate_masks(tmp_path / 'pred', truth)


XML = (
    '<annotation><size><width>19</width><height>14</height><depth>3</depth></size><object><name>cat</name>'
    '<bndbox><xmin>5</xmin><ymin>3</ymin><xmax>{xmax}</xmax><ymax>8</ymax></bndbox></object></annotation>'
)


def test_box_sets_are_scored_by_boxes(tmp_path):
    """Boxes are x 4..14 (or 4..8), y 2..7 in pixels from 0; the masks are x 4..14, y 2..7 in all images."""
    root, names = tmp_path / 'voc', ('2007_000001', '2007_000002', '2007_000003')
    write_voc(root)
    for name, xmax in zip(names, (15, 15, 9), strict=True):
        (root / 'Annotations').mkdir(exist_ok=True)
        (root / f'Annotations/{name}.xml').write_text(XML.format(xmax=xmax))
        mask = np.zeros(SIZE, np.uint8)
        mask[2:8, 4:15] = 255
        save(tmp_path / f'pred/{name}.png', mask)
    (root / 'ImageSets/Main').mkdir()
    (root / 'ImageSets/Main/trainval.txt').write_text('\n'.join(names))
    truth = open_benchmark('voc12_boxes', root)
    scores = evaluate_masks(tmp_path / 'pred', truth)
    assert scores.metrics['loc/CorLoc'] == pytest.approx(2 / 3)
    assert scores.metrics['loc/BoxIoU'] == pytest.approx((1 + 1 + 5 / 11) / 3)
    assert scores.intervals['loc/CorLoc'][1] == 1
    save(tmp_path / f'pred/{names[0]}.png', mask // 255 * np.uint8(8))
    with pytest.raises(UserError, match='Expected 0 and 255 alone'):
        evaluate_masks(tmp_path / 'pred', truth)
    save(tmp_path / f'pred/{names[0]}.png', np.zeros((28, 38), np.uint8))
    with pytest.raises(UserError, match='19 x 14 pixels, but got 38 x 28'):
        evaluate_masks(tmp_path / 'pred', truth)


def test_equal_names_in_several_folders_keep_their_folders():
    keys, nested = _keys([Path('/d/cats/1.5'), Path('/d/dogs/1.5')])
    assert (keys, nested) == (['cats/1.5', 'dogs/1.5'], True)
    assert _keys([Path('/d/cats/1'), Path('/d/dogs/2')]) == (['1', '2'], False)
    with pytest.raises(UserError, match='1 occurs twice'):
        _keys([Path('/d/cats/1'), Path('/d/cats/1')])


def filled(box, size):
    x1, y1, x2, y2 = box
    rows, columns = np.mgrid[: size[0], : size[1]]
    return (columns >= x1) & (columns < x2) & (rows >= y1) & (rows < y2)


@pytest.fixture
def phrases(tmp_path):
    """Three radiographs; the second has two phrases, each with a box of its own: name of each mask and its box."""
    boxes = write_ms_cxr_scenes(tmp_path / 'cxr', 3, phrase_a_spot=True)
    one, two, three = boxes
    # "another on the right" comes before "seen on the left" in the alphabet, though it is drawn second.
    return tmp_path, {
        f'{one}_1': boxes[one][0], f'{two}_1': boxes[two][1], f'{two}_2': boxes[two][0], f'{three}_1': boxes[three][0]
    }  # fmt: skip


def test_a_mask_for_each_phrase_of_an_image(phrases):
    folder, boxes = phrases
    truth = open_benchmark('ms_cxr', folder / 'cxr')
    assert {image.key for image in truth.images} == set(boxes)
    assert {image.key: image.meta['text'].split()[-1] for image in truth.images if image.key[:8] == '00000001'} == {
        '00000001-02aa804e_1': 'right', '00000001-02aa804e_2': 'left'
    }  # fmt: skip
    rng, each, areas = np.random.default_rng(0), [], []
    for name, box in boxes.items():
        target = filled(box, (80, 64))
        soft = np.clip(0.4 * target + 0.6 * rng.random((80, 64)), 0, 1).astype(np.float32)
        (folder / 'pred').mkdir(exist_ok=True)
        np.save(folder / f'pred/{name}.npy', soft)
        areas.append(roc_auc_score(target.ravel(), soft.ravel()))
        each.append(((soft > 0.5) & target).sum() / ((soft > 0.5) | target).sum())
    scores = evaluate_masks(folder / 'pred', truth)
    assert scores.num_images == 4
    assert scores.metrics['sal/AUC'] == pytest.approx(np.mean(areas))
    assert scores.metrics['sal/IoU'] == pytest.approx(np.mean(each))
    assert scores.metrics['loc/MaskBoxIoU'] == pytest.approx(np.mean(each))
    (folder / 'pred/00000001-02aa804e_2.npy').unlink()
    with pytest.raises(UserError, match=r'1 have none in .*: 00000001-02aa804e_2'):
        evaluate_masks(folder / 'pred', truth)


def test_the_names_of_phrases_depend_on_the_image_alone(phrases):
    folder, boxes = phrases
    names = {}
    for form in (dict(ann_file=f'{NAME}.json'), dict(ann_file=f'{NAME}.csv', split='test'), dict(categories=[FINDING])):
        data_set = MSCXRDataset(data_root=str(folder / 'cxr'), **form)
        infos = [data_set.get_data_info(i) for i in range(len(data_set))]
        names[str(form)] = {info['sample_name']: info['boxes'].tolist() for info in infos}
    everything, test_split, one_finding = names.values()
    assert everything == {name: [list(map(float, box))] for name, box in boxes.items()}
    second = {name: box for name, box in everything.items() if name.startswith('00000001')}
    assert test_split == one_finding == second


def test_a_radiograph_of_another_size_than_its_boxes_is_named(phrases):
    folder, boxes = phrases
    path = next((folder / 'cxr').rglob('00000000-*.jpg'))
    save(path, np.zeros((40, 32, 3), np.uint8))
    for name in boxes:
        save(folder / f'pred/{name}.png', np.zeros((80, 64), np.uint8))
    with pytest.raises(UserError, match=r'1 of 4 masks .*00000000-.*size that its boxes were drawn on, 64 x 80'):
        evaluate_masks(folder / 'pred', open_benchmark('ms_cxr', folder / 'cxr'))


def test_masks_with_boxes_are_scored_by_both(tmp_path):
    masks = write_cub_scenes(tmp_path / 'cub', 6)
    for name, mask in masks.items():
        save(tmp_path / f'pred/{name}.png', mask.astype(np.uint8) * 255)
    scores = evaluate_masks(tmp_path / 'pred', open_benchmark('cub', tmp_path / 'cub'))
    assert {name.split('/')[0] for name in scores.metrics} == {'binary', 'sal', 'loc'}
    assert scores.metrics['sal/IoU'] == scores.metrics['loc/CorLoc'] == 1
    assert scores.metrics['loc/MaskBoxIoU'] < 1


def test_unknown_data_sets_splits_and_folders_are_named(tmp_path):
    assert 'voc12' in known_data_sets()
    with pytest.raises(UserError, match=r'from .*voc12.* but got .imagenet'):
        open_benchmark('imagenet')
    with pytest.raises(FileNotFoundError, match='no such folder'):
        open_benchmark('voc12', tmp_path / 'none')
    write_voc(tmp_path / 'voc')
    with pytest.raises(ValueError, match=r'no file .*trainaug\.txt'):
        open_benchmark('voc12', tmp_path / 'voc', 'trainaug')
