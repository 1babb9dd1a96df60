from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.io import savemat

from mmseg_gen.datasets.converters.context import (
    CONTEXT_IDS,
    convert_context_json,
    convert_context_mats,
    draw_context_labels,
    read_context_mat,
    reduce_context_labels,
)
from mmseg_gen.datasets.layouts.context import write_context_scenes

# As MMSegmentation's own converter numbers them.
MMSEG_IDS = sorted(
    int(number)
    for number in (
        '0 2 259 260 415 324 9 258 144 18 19 22 23 397 25 284 158 159 416 33 162 420 454 295 296 427 44 45 46 308 59 '
        '440 445 31 232 65 354 424 68 326 72 458 34 207 80 355 85 347 220 349 360 98 187 104 105 366 189 368 113 115'
    ).split()
)


def test_ids_are_those_of_mmseg():
    assert [0, *CONTEXT_IDS] == MMSEG_IDS
    assert len(CONTEXT_IDS) == 59


def test_reduction_equals_counting_up_the_list():
    labels = np.arange(460).reshape(20, 23)
    expected = [[MMSEG_IDS.index(v) if v in MMSEG_IDS else 0 for v in row] for row in labels.tolist()]
    found = reduce_context_labels(labels)
    assert found.dtype == np.uint8
    assert found.tolist() == expected


def test_labels_out_of_range_are_named():
    with pytest.raises(ValueError, match=r'from 0 to 459 in x\.mat, but got 0 to 460'):
        reduce_context_labels(np.array([0, 460]), 'x.mat')


def test_of_overlapping_annotations_the_later_is_on_top():
    image = {'height': 2, 'width': 3}
    runs = [{'size': [2, 3], 'counts': counts} for counts in ([0, 4, 2], [2, 4])]
    annotations = [{'category_id': i, 'segmentation': s} for i, s in zip((2, 458), runs, strict=True)]
    assert draw_context_labels(annotations, image, 'a').tolist() == [[1, 59, 59], [1, 59, 59]]


def tree(root):
    folder = root / 'SegmentationClassContext'
    lists = [(root / f'ImageSets/SegmentationContext/{s}.txt').read_text() for s in ('train', 'val')]
    return {p.name: p.read_bytes() for p in folder.iterdir()}, lists


def test_both_forms_give_the_same_files_and_go_on_after_an_interruption(tmp_path):
    for form in ('mat', 'json'):
        write_context_scenes(tmp_path / form, {'train': 2, 'val': 4}, size=32)
    convert_context_mats(tmp_path / 'mat/trainval', tmp_path / 'mat')
    convert_context_json(tmp_path / 'json/trainval_merged.json', tmp_path / 'json')
    assert tree(tmp_path / 'mat') == tree(tmp_path / 'json')
    files, _ = tree(tmp_path / 'mat')
    name = sorted(files)[2]
    (tmp_path / 'mat/SegmentationClassContext' / name).unlink()
    done = convert_context_mats(tmp_path / 'mat/trainval', tmp_path / 'mat')
    assert (done.written, done.kept) == (1, 5)
    assert tree(tmp_path / 'mat') == tree(tmp_path / 'json')


def test_a_list_of_the_users_own_is_not_overwritten(tmp_path):
    write_context_scenes(tmp_path, {'train': 1, 'val': 1}, size=32)
    mine = tmp_path / 'ImageSets/SegmentationContext/val.txt'
    mine.parent.mkdir(parents=True)
    mine.write_text('mine\n')
    with pytest.raises(ValueError, match=r'val\.txt, but there is one of other content'):
        convert_context_json(tmp_path / 'trainval_merged.json', tmp_path)
    assert mine.read_text() == 'mine\n'


def test_missing_and_damaged_files_are_named(tmp_path):
    names = write_context_scenes(tmp_path, {'train': 2, 'val': 1}, size=32)
    mat = tmp_path / f'trainval/{names["train"][1]}.mat'
    content = mat.read_bytes()
    mat.write_bytes(content[: len(content) // 2])
    with pytest.raises(ValueError, match=rf'could not read .*{mat.name}'):
        convert_context_mats(tmp_path / 'trainval', tmp_path)
    mat.unlink()
    with pytest.raises(ValueError, match=rf'1 of 3 are missing \(.*{mat.name}'):
        convert_context_mats(tmp_path / 'trainval', tmp_path)
    savemat(mat, {'Other': np.zeros(3)})
    with pytest.raises(ValueError, match='LabelMap'):
        read_context_mat(mat)
    savemat(mat, {'LabelMap': np.zeros((2, 3))})
    with pytest.raises(ValueError, match=r'integers \(H, W\) in .* float64'):
        read_context_mat(mat)
    (tmp_path / 'ImageSets/Main/val.txt').unlink()
    with pytest.raises(ValueError, match=r'Main/val\.txt'):
        convert_context_mats(tmp_path / 'trainval', tmp_path)


def test_a_json_of_another_form_is_named(tmp_path):
    path = tmp_path / 'a.json'
    path.write_text('{"images": [')
    with pytest.raises(ValueError, match=r'a\.json, but it is not complete JSON'):
        convert_context_json(path, tmp_path)
    path.write_text(json.dumps({'images': [], 'annotations': []}))
    with pytest.raises(ValueError, match=r'`annos_segmentation` in .*a\.json'):
        convert_context_json(path, tmp_path)
