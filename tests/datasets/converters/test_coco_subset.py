from __future__ import annotations

import copy
import json

import pytest
from pycocotools.coco import COCO

from mmseg_gen.datasets.converters.coco_subset import convert_coco_subset, select_images
from mmseg_gen.datasets.layouts.coco import write_coco20k_scenes


def test_the_subset_holds_the_listed_images_and_all_of_their_annotations(tmp_path, capsys):
    names = write_coco20k_scenes(tmp_path, 4, size=32)
    source, output = tmp_path / 'annotations/instances_train2014.json', tmp_path / 'subset.json'
    counts = convert_coco_subset(source, tmp_path / 'annotations/coco_20k_filenames.txt', output)
    whole, part = COCO(str(source)), COCO(str(output))
    assert counts == (4, len(part.anns))
    assert [image['file_name'] for image in part.dataset['images']] == [f'{name}.jpg' for name in names]
    for image_id in part.imgs:
        assert part.imgToAnns[image_id] == whole.imgToAnns[image_id]
    assert part.cats == whole.cats


def test_names_that_are_not_there_are_named_and_nothing_is_changed():
    content = {'images': [{'id': 1, 'file_name': 'a.jpg'}], 'annotations': [], 'categories': []}
    kept = copy.deepcopy(content)
    with pytest.raises(ValueError, match='1 of 2 are missing, the first being b'):
        select_images(content, ['x/a.jpg', 'b.jpg'])
    assert content == kept


def test_another_file_is_not_overwritten(tmp_path):
    write_coco20k_scenes(tmp_path, 1, size=32)
    arguments = tmp_path / 'annotations/instances_train2014.json', tmp_path / 'annotations/coco_20k_filenames.txt'
    output = tmp_path / 'subset.json'
    convert_coco_subset(*arguments, output)
    first = output.read_bytes()
    convert_coco_subset(*arguments, output)
    assert output.read_bytes() == first
    output.write_text(json.dumps({}))
    with pytest.raises(ValueError, match='other content'):
        convert_coco_subset(*arguments, output)
    assert output.read_text() == '{}'
