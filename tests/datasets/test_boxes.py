from __future__ import annotations

import json

import numpy as np
import pytest

from mmseg_gen.datasets.boxes import read_coco_boxes, read_voc_xml

CLASSES = ('background', 'cat', 'dog', 'person')
XML = """<annotation><folder>VOC2012</folder><filename>a.jpg</filename>
<size><width>50</width><height>40</height><depth>3</depth></size>
<object><name>dog</name><difficult>0</difficult><truncated>0</truncated>
  <part><name>head</name><bndbox><xmin>2</xmin><ymin>2</ymin><xmax>3</xmax><ymax>3</ymax></bndbox></part>
  <bndbox><xmin>1</xmin><ymin>1</ymin><xmax>50</xmax><ymax>40</ymax></bndbox></object>
<object><name>person</name><difficult>1</difficult>
  <bndbox><ymax>20</ymax><xmax>8</xmax><xmin>8</xmin><ymin>11</ymin></bndbox></object>
<object><name>cat</name><truncated>1</truncated>
  <bndbox><xmin>0</xmin><ymin>5.5</ymin><xmax>51</xmax><ymax>9</ymax></bndbox></object>
</annotation>"""


def test_voc_boxes_become_half_open_in_pixels_from_zero(tmp_path):
    path = tmp_path / 'a.xml'
    path.write_text(XML)
    found = read_voc_xml(path, CLASSES)
    assert found.boxes.dtype == np.float32
    assert found.labels.dtype == np.int64
    # The whole image; one column of ten rows; cut to the image on both sides.
    assert found.boxes.tolist() == [[0, 0, 50, 40], [7, 10, 8, 20], [0, 4.5, 50, 9]]
    assert found.labels.tolist() == [2, 3, 1]
    assert found.difficult.tolist() == [False, True, True]
    assert set(found.as_entry()) == {'boxes', 'box_labels', 'box_difficult'}


def test_an_image_without_objects_has_no_boxes(tmp_path):
    path = tmp_path / 'a.xml'
    path.write_text('<annotation><size><width>5</width><height>4</height></size></annotation>')
    assert read_voc_xml(path, CLASSES).boxes.shape == (0, 4)


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        (XML[:200], r'a\.xml is damaged'),
        (XML.replace('dog', 'unicorn'), r"a\.xml, but got: unknown class 'unicorn'"),
        (XML.replace('<xmin>8</xmin>', ''), r'a\.xml'),
        (XML.replace('<xmin>8</xmin>', '<xmin>9</xmin>'), r'a\.xml, but got: an empty box of a person'),
        (XML.replace('<width>50</width>', ''), r'complete VOC annotation in .*a\.xml'),
        ('<!DOCTYPE a [<!ENTITY x "y">]>' + XML, r'a\.xml declares a document type'),
        (b'\xff\xfe<\x00', r'a\.xml is damaged'),
        (None, r'there is no .*a\.xml: unpack'),
    ],
)
def test_annotations_that_cannot_be_used_are_named(tmp_path, content, message):
    path = tmp_path / 'a.xml'
    if content is not None:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ValueError, match=message):
        read_voc_xml(path, CLASSES)


def instances(**changes) -> dict:
    annotations = [
        {'id': 1, 'image_id': 5, 'category_id': 90, 'bbox': [1.5, 2, 10, 4.25], 'iscrowd': 0},
        {'id': 2, 'image_id': 5, 'category_id': 3, 'bbox': [0, 0, 30, 30], 'iscrowd': 1},
        {'id': 3, 'image_id': 9, 'category_id': 3, 'bbox': [0, 0, 3, 0]},
        {'id': 4, 'image_id': 9, 'category_id': 3, 'bbox': [7, 8, 1, 2]},
    ]
    content = {
        'images': [{'id': i, 'file_name': f'train2014/n_{i}.jpg', 'width': 30, 'height': 30} for i in (9, 5, 6)],
        'annotations': annotations,
        'categories': [{'id': 3, 'name': 'cat'}, {'id': 90, 'name': 'person'}],
    }
    return {**content, **changes}


def test_coco_boxes_go_by_name_without_crowds_and_empty_boxes(tmp_path, caplog):
    path = tmp_path / 'instances.json'
    path.write_text(json.dumps(instances()))
    found = read_coco_boxes(path, CLASSES)
    assert set(found) == {'n_5', 'n_6', 'n_9'}
    assert found['n_5'].boxes.tolist() == [[1.5, 2, 11.5, 6.25]]
    assert found['n_5'].labels.tolist() == [3]
    assert found['n_9'].boxes.tolist() == [[7, 8, 8, 10]]
    assert found['n_9'].labels.tolist() == [1]
    assert found['n_6'].boxes.shape == (0, 4)
    assert not found['n_9'].difficult.any()


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        (None, r'there is no file .*instances\.json'),
        (json.dumps(instances())[:-30], r'instances\.json, but it is not complete JSON'),
        ('[1]', r'list `images` in .*instances\.json'),
        (json.dumps(instances(annotations=None)), r'list `annotations`'),
        (json.dumps(instances(annotations=[{'image_id': 5}])), r'annotations\[0\] of .*instances\.json'),
        (json.dumps(instances(annotations=[{'image_id': 77, 'category_id': 3}])), r'got image 77'),
        (json.dumps(instances(categories=[{'id': 3, 'name': 'unicorn'}])), r'instances\.json, but got unicorn'),
        (
            json.dumps(instances(annotations=[{'image_id': 5, 'category_id': 3, 'bbox': [1, 2, 3]}])),
            r'`bbox` .* in .*instances\.json',
        ),
    ],
)
def test_instances_that_cannot_be_used_are_named(tmp_path, content, message):
    path = tmp_path / 'instances.json'
    if content is not None:
        path.write_text(content)
    with pytest.raises(ValueError, match=message):
        read_coco_boxes(path, CLASSES)
