"""Stored masks that would give a wrong score are errors that name the file."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from mmseg_gen.errors import UserError
from mmseg_gen.evaluation.mask_reading import PredictionReader, find_masks
from mmseg_gen.evaluation.stored_masks import evaluate_masks, make_sample
from mmseg_gen.evaluation.truth_sets import open_mask_folder
from mmseg_gen.functional.palette import voc_palette
from tests.evaluation.stored_cases import SIZE, save


def binary_truth(folder):
    return open_mask_folder(folder / 'gt')


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


@pytest.mark.parametrize('labels', [[0, 1], [1], [0, 2, 5]])
def test_label_maps_with_ignored_pixels_are_no_binary_truth(binary_case, labels):
    folder, _ = binary_case
    pixels = np.resize(np.array([*labels, 255], np.uint8), SIZE)
    save(folder / 'gt/4.png', pixels)
    with pytest.raises(UserError, match=rf'4\.png, but got {", ".join(map(str, labels))} and 255, .* --classes'):
        evaluate_masks(folder / 'pred', binary_truth(folder))


def test_soft_edges_are_no_labels(binary_case):
    folder, _ = binary_case
    true = np.resize(np.array([0, 90, 200, 255], np.uint8), SIZE)
    save(folder / 'gt/4.png', true)
    (image,) = [each for each in binary_truth(folder).images if each.key == '4']
    assert np.array_equal(image.labels(), true > 127)


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


@pytest.mark.parametrize('kind', ['grey', 'palette', 'uint16', 'npy', '>i4'])
@pytest.mark.parametrize('num_classes', [3, 21, 150, 256])
@pytest.mark.parametrize('voc_colors', [False, True])
def test_predictions_of_many_classes_are_read_as_stored_or_refused(tmp_path, kind, num_classes, voc_colors):
    reader = PredictionReader(num_classes, voc_colors=voc_colors)
    for top in (0, 1, 2, 3, 20, 21, 127, 128, 149, 150, 254, 255):
        labels = np.random.default_rng(top).integers(0, top + 1, SIZE).astype(np.uint8)
        labels[3, 4] = top
        path = tmp_path / f'{top}.{"npy" if kind in ("npy", ">i4") else "png"}'
        if path.suffix == '.npy':
            np.save(path, labels.astype(np.int64 if kind == 'npy' else kind))
        else:
            save(path, labels.astype(np.uint16) if kind == 'uint16' else labels, palette=kind == 'palette')
        if top < num_classes:
            found = reader(path)
            assert found.labels.dtype == np.uint8
            assert found.probability is None
            assert (found.labels == labels).all()
        else:
            with pytest.raises(UserError, match=f'class ids from 0 to {num_classes - 1} in'):
                reader(path)


def test_indices_saved_with_another_palette_are_told_before_those_out_of_range(tmp_path):
    colors = voc_palette()
    colors[[1, 2, 25]] = colors[[2, 1, 3]]
    for top in (2, 25):
        image = Image.fromarray(np.array([[0, 1, top]], np.uint8))
        image.putpalette(colors.tobytes())
        image.save(tmp_path / f'{top}.png')
        with pytest.raises(UserError, match='saved with another palette'):
            PredictionReader(21, voc_colors=True)(tmp_path / f'{top}.png')
    assert PredictionReader(21)(tmp_path / '2.png').labels.tolist() == [[0, 1, 2]]


def test_samples_hold_their_labels_as_bytes_that_may_be_changed(index_case):
    folder, pairs = index_case
    image = open_mask_folder(folder / 'gt', ('bg', 'a', 'b', 'c')).images[0]
    truth = image.labels()
    kept = truth.copy()
    sample = make_sample(image, truth, PredictionReader(4)(folder / 'pred' / '0.png'))
    for key, labels in (('pred_sem_seg', pairs[0][0]), ('gt_sem_seg', pairs[0][1])):
        data = sample[key]['data']
        assert data.dtype == torch.uint8
        assert data.shape == (1, *SIZE)
        assert (data[0].numpy() == labels).all()
        data += 1
    assert (truth == kept).all()


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


def test_masks_in_folders_have_their_folders_in_the_key(tmp_path):
    for folder in ('cats', 'dogs'):
        save(tmp_path / folder / '1_mask.png', np.zeros(SIZE, np.uint8))
    assert sorted(find_masks(tmp_path, '_mask', nested=True)) == ['cats/1', 'dogs/1']
    with pytest.raises(UserError, match='1 names have more'):
        find_masks(tmp_path, '_mask')
