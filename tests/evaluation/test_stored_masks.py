"""Stored masks scored against loops over pixels."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mmseg_gen.errors import UserError
from mmseg_gen.evaluation.mask_reading import PredictionReader, find_masks
from mmseg_gen.evaluation.stored_masks import evaluate_masks
from mmseg_gen.evaluation.truth_sets import _keys, known_data_sets, open_benchmark, open_mask_folder
from mmseg_gen.functional.palette import voc_palette

SIZE = (14, 19)


def save(path, pixels, *, palette=False):
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(pixels)
    if palette:
        image.putpalette(voc_palette().tobytes())
    image.save(path)


def iou_by_counting(pairs, label):
    """Count intersection and union of one label pixel by pixel; 255 in the truth does not count."""
    both = either = 0
    for predicted, truth in pairs:
        for p, t in zip(predicted.ravel().tolist(), truth.ravel().tolist(), strict=True):
            if t != 255:
                both += p == label and t == label
                either += p == label or t == label
    return both / either if either else float('nan')


@pytest.fixture
def index_case(tmp_path):
    """Four classes, the last in neither; void pixels in the truth."""
    rng = np.random.default_rng(0)
    pairs = []
    for number in range(5):
        truth = rng.integers(0, 3, SIZE).astype(np.uint8)
        predicted = np.where(rng.random(SIZE) < 0.7, truth, rng.integers(0, 3, SIZE)).astype(np.uint8)
        truth[0, :4] = 255
        save(tmp_path / 'gt' / f'{number}.png', truth)
        save(tmp_path / 'pred' / f'{number}.png', predicted, palette=number % 2 == 1)
        pairs.append((predicted, truth))
    return tmp_path, pairs


@pytest.fixture
def binary_case(tmp_path):
    rng = np.random.default_rng(1)
    pairs = []
    for number in range(6):
        truth = np.zeros(SIZE, bool)
        truth[2:9, 3 + number : 9 + number] = True
        predicted = truth ^ (rng.random(SIZE) < 0.1)
        save(tmp_path / 'gt' / f'{number}.png', truth.astype(np.uint8) * 255)
        save(tmp_path / 'pred' / f'{number}.png', predicted.astype(np.uint8) * 255)
        pairs.append((predicted, truth))
    return tmp_path, pairs


def binary_truth(folder):
    return open_mask_folder(folder / 'gt')


def test_class_iou_of_index_maps_equals_counting(index_case):
    folder, pairs = index_case
    scores = evaluate_masks(folder / 'pred', open_mask_folder(folder / 'gt', ('bg', 'a', 'b', 'c')))
    expected = [iou_by_counting(pairs, label) for label in range(4)]
    for name, value in zip(('bg', 'a', 'b'), expected, strict=False):
        assert scores.metrics[f'class/IoU/{name}'] == pytest.approx(value)
    assert np.isnan(scores.metrics['class/IoU/c'])
    assert scores.metrics['class/mIoU'] == pytest.approx(np.mean(expected[:3]))
    assert scores.num_images == 5
    assert scores.intervals == {}
    assert scores.as_json()['metrics']['class/IoU/c'] == {'value': None}


def test_binary_scores_and_their_intervals(binary_case):
    folder, pairs = binary_case
    scores = evaluate_masks(folder / 'pred', binary_truth(folder))
    each = [iou_by_counting([pair], 1) for pair in pairs]
    assert scores.metrics['binary/IoU_fg_per_image'] == pytest.approx(np.mean(each))
    assert scores.metrics['sal/IoU'] == pytest.approx(np.mean(each))
    assert scores.metrics['binary/IoU_fg_pooled'] == pytest.approx(iou_by_counting(pairs, 1))
    low, high = scores.intervals['binary/IoU_fg_per_image']
    assert min(each) <= low < np.mean(each) < high <= max(each)
    # Of six images the interval is known to be about two standard errors.
    assert high - low == pytest.approx(2 * 1.96 * np.std(each) / np.sqrt(6), rel=0.25)
    assert 'binary/IoU_fg_pooled' not in scores.intervals
    assert 'sal/maxF' not in scores.intervals


@pytest.mark.parametrize('form', ['labels', 'npy labels', 'npy bool', 'rgb', 'subfolder'])
def test_all_forms_of_a_mask_score_alike(binary_case, form):
    folder, pairs = binary_case
    expected = evaluate_masks(folder / 'pred', binary_truth(folder)).metrics
    out = folder / 'other'
    (out / 'deep').mkdir(parents=True)
    for number, (predicted, _) in enumerate(pairs):
        labels = predicted.astype(np.uint8)
        if form == 'labels':
            save(out / f'{number}.png', labels)
        elif form == 'rgb':
            save(out / f'{number}.png', np.repeat(labels[..., None] * np.uint8(255), 3, axis=-1))
        elif form == 'subfolder':
            save(out / 'deep' / f'{number}.png', labels * np.uint8(255))
        else:
            np.save(out / f'{number}.npy', labels.astype(np.int64) if form == 'npy labels' else predicted)
    assert evaluate_masks(out, binary_truth(folder)).metrics == pytest.approx(expected)


def test_soft_predictions_are_used_as_probabilities(binary_case):
    folder, pairs = binary_case
    rng = np.random.default_rng(2)
    (folder / 'soft').mkdir()
    errors = []
    for number, (_, truth) in enumerate(pairs):
        soft = np.clip(truth * 0.6 + rng.random(SIZE) * 0.4, 0, 1).astype(np.float32)
        np.save(folder / 'soft' / f'{number}.npy', soft)
        errors.append(np.abs(soft - truth).mean())
    scores = evaluate_masks(folder / 'soft', binary_truth(folder)).metrics
    assert scores['sal/MAE'] == pytest.approx(np.mean(errors), abs=1e-6)
    assert scores['sal/AUC'] == pytest.approx(1.0)
    assert scores['binary/IoU_fg_pooled'] == pytest.approx(1.0)


def test_grey_maps_are_probabilities_too(binary_case):
    folder, pairs = binary_case
    for number, (_, truth) in enumerate(pairs):
        save(folder / 'grey' / f'{number}.png', np.where(truth, 204, 51).astype(np.uint8))
    scores = evaluate_masks(folder / 'grey', binary_truth(folder)).metrics
    assert scores['sal/MAE'] == pytest.approx(0.2, abs=1e-6)


def test_missing_predictions(binary_case):
    folder, pairs = binary_case
    (folder / 'pred/0.png').unlink()
    truth = binary_truth(folder)
    with pytest.raises(UserError, match=r'for each of the 6 images .* 1 have none in .*: 0\.'):
        evaluate_masks(folder / 'pred', truth)
    skipped = evaluate_masks(folder / 'pred', truth, missing='skip')
    assert (skipped.num_images, skipped.missing) == (5, ['0'])
    counted = evaluate_masks(folder / 'pred', truth, missing='background')
    assert counted.num_images == 6
    each = [iou_by_counting([pair], 1) for pair in pairs]
    assert skipped.metrics['sal/IoU'] == pytest.approx(np.mean(each[1:]))
    assert counted.metrics['sal/IoU'] == pytest.approx(np.sum(each[1:]) / 6)


def test_extra_files_are_listed_and_suffixes_taken_off(binary_case):
    folder, pairs = binary_case
    for number, (predicted, _) in enumerate(pairs):
        save(folder / 'out' / f'{number}_mask.png', predicted.astype(np.uint8) * 255)
        save(folder / 'out' / f'{number}_overlay.png', np.zeros((*SIZE, 3), np.uint8))
    save(folder / 'out/other_mask.png', np.zeros(SIZE, np.uint8))
    scores = evaluate_masks(folder / 'out', binary_truth(folder), suffix='_mask')
    assert scores.num_images == 6
    assert scores.extra == [str(folder / 'out/other_mask.png')]


def test_two_files_of_one_name_are_refused(binary_case):
    folder, _ = binary_case
    np.save(folder / 'pred/3.npy', np.zeros(SIZE, bool))
    with pytest.raises(UserError, match='1 names have more'):
        evaluate_masks(folder / 'pred', binary_truth(folder))


@pytest.mark.parametrize(
    ('pixels', 'text'),
    [
        (np.zeros((19, 14), np.uint8), 'size of its image, 19 x 14 pixels, but got 14 x 19'),
        (np.eye(14, 19, dtype=np.uint8)[..., None] * np.array([90, 0, 0], np.uint8), 'not as colours'),
        (np.array([[0, 1, 255] * 6 + [0]] * 14, np.uint8), 'all three'),
        (np.full(SIZE, 40000, np.uint16), 'values from 0 to 255'),
    ],
)
def test_bad_binary_predictions_are_named(binary_case, pixels, text):
    folder, _ = binary_case
    save(folder / 'pred/4.png', pixels)
    with pytest.raises(UserError, match=rf'1 of 6 masks cannot be scored: .*{text}') as raised:
        evaluate_masks(folder / 'pred', binary_truth(folder))
    assert '4.png' in str(raised.value)


@pytest.mark.parametrize(
    ('array', 'text'),
    [
        (np.full(SIZE, 1.5), 'probabilities in'),
        (np.full(SIZE, np.nan), 'probabilities in'),
        (np.zeros((2, *SIZE)), 'one number for each pixel'),
        (np.full(SIZE, -1), 'values from 0 to 255'),
        (np.array([{}], dtype=object), 'could not read'),
    ],
)
def test_bad_arrays_are_named_and_never_unpickled(binary_case, array, text):
    folder, _ = binary_case
    (folder / 'pred/4.png').unlink()
    np.save(folder / 'pred/4.npy', array, allow_pickle=True)
    with pytest.raises(UserError, match=text):
        evaluate_masks(folder / 'pred', binary_truth(folder))


@pytest.mark.parametrize(
    ('pixels', 'text'),
    [
        (np.full(SIZE, 255, np.uint8), '255 means ignored in ground truth and cannot be predicted'),
        (np.full(SIZE, 7, np.uint8), r'from 0 to 3 in .*2\.png, but got \[7\]'),
        (np.zeros((*SIZE, 3), np.uint8), 'not as colours'),
    ],
)
def test_bad_index_predictions_are_named(index_case, pixels, text):
    folder, _ = index_case
    save(folder / 'pred/2.png', pixels)
    with pytest.raises(UserError, match=text):
        evaluate_masks(folder / 'pred', open_mask_folder(folder / 'gt', ('bg', 'a', 'b', 'c')))


def test_a_damaged_png_is_named(index_case):
    folder, _ = index_case
    (folder / 'pred/2.png').write_bytes((folder / 'pred/2.png').read_bytes()[:60])
    with pytest.raises(UserError, match=r'pred/2\.png'):
        evaluate_masks(folder / 'pred', open_mask_folder(folder / 'gt', ('bg', 'a', 'b', 'c')))


def test_labels_and_masks_together_are_ambiguous(binary_case):
    folder, pairs = binary_case
    save(folder / 'pred/5.png', pairs[5][0].astype(np.uint8))
    with pytest.raises(UserError, match='say which with --values'):
        evaluate_masks(folder / 'pred', binary_truth(folder))
    with pytest.raises(UserError, match='Expected values from 0 to 1'):
        evaluate_masks(folder / 'pred', binary_truth(folder), values='labels')


def test_ground_truth_of_0_and_255_is_not_read_as_void(binary_case):
    folder, pairs = binary_case
    for number, (predicted, _) in enumerate(pairs):
        save(folder / 'labels' / f'{number}.png', predicted.astype(np.uint8))
    with pytest.raises(UserError, match='0 and 255, of which 255 is ignored'):
        evaluate_masks(folder / 'labels', open_mask_folder(folder / 'gt', ('bg', 'fg')))


def test_an_empty_or_missing_folder_is_said(tmp_path):
    with pytest.raises(UserError, match='found none'):
        find_masks(tmp_path)
    with pytest.raises(UserError, match='there is none at'):
        open_mask_folder(tmp_path / 'nowhere')
    with pytest.raises(UserError, match='`values` from auto'):
        PredictionReader(2, 'grey')
    with pytest.raises(UserError, match='`values` labels for 3 classes'):
        PredictionReader(3, 'soft')


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
    keys, nested = _keys([Path('/d/cats/1.jpg'), Path('/d/dogs/1.jpg')])
    assert (keys, nested) == (['cats/1', 'dogs/1'], True)
    assert _keys([Path('/d/cats/1.jpg'), Path('/d/dogs/2.jpg')]) == (['1', '2'], False)
    with pytest.raises(UserError, match='1 occurs twice'):
        _keys([Path('/d/cats/1.jpg'), Path('/d/cats/1.png')])


def test_masks_in_folders_have_their_folders_in_the_key(tmp_path):
    for folder in ('cats', 'dogs'):
        save(tmp_path / folder / '1_mask.png', np.zeros(SIZE, np.uint8))
    assert sorted(find_masks(tmp_path, '_mask', nested=True)) == ['cats/1', 'dogs/1']
    with pytest.raises(UserError, match='1 names have more'):
        find_masks(tmp_path, '_mask')


def test_unknown_data_sets_splits_and_folders_are_named(tmp_path):
    assert 'voc12' in known_data_sets()
    with pytest.raises(UserError, match=r'from .*voc12.* but got .imagenet'):
        open_benchmark('imagenet')
    with pytest.raises(FileNotFoundError, match='no such folder'):
        open_benchmark('voc12', tmp_path / 'none')
    write_voc(tmp_path / 'voc')
    with pytest.raises(ValueError, match=r'no file .*trainaug\.txt'):
        open_benchmark('voc12', tmp_path / 'voc', 'trainaug')


def load_tool(repository):
    spec = importlib.util.spec_from_file_location('evaluate_masks_tool', repository / 'tools/evaluate_masks.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_tool_writes_json_and_reports_in_one_line(binary_case, repository, capsys):
    folder, _ = binary_case
    tool, out = load_tool(repository), folder / 'scores/a.json'
    arguments = [str(folder / 'pred'), '--gt', str(folder / 'gt'), '--binary', '--out', str(out)]
    assert tool.main([*arguments, '--metrics', 'BinaryIoUMetric', 'BoundaryMetric']) == 0
    content = json.loads(out.read_text())
    assert content['n'] == 6
    assert content['command'].startswith('python tools/evaluate_masks.py ')
    assert content['metrics']['boundary/F']['ci95'][0] <= content['metrics']['boundary/F']['value']
    assert 'IoU_fg_per_image' in capsys.readouterr().out
    assert tool.main([str(folder / 'none'), *arguments[1:]]) == 2
    error = capsys.readouterr().err
    assert error.startswith('evaluate_masks.py: error: ')
    assert error.count('\n') == 1
    with pytest.raises(SystemExit):
        tool.main(arguments[:3])
