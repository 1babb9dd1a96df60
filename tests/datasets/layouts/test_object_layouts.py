"""Layouts as other programs read them: pycocotools, PIL and SciPy, against the renderer's own labels."""

from __future__ import annotations

import hashlib
import json
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image
from pycocotools.coco import COCO

from mmseg_gen.datasets.layouts.coco import SHOWN, outline_polygons, write_coco_scenes
from mmseg_gen.datasets.layouts.context import write_context_scenes
from mmseg_gen.datasets.layouts.scene_images import scene_images
from mmseg_gen.datasets.layouts.voc import write_voc_scenes
from mmseg_gen.generators.embedded.scenes import CLASSES


def digests(root) -> dict[str, str]:
    files = [path for path in sorted(root.rglob('*')) if path.is_file()]
    return {str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_pictures_differ_in_size_and_splits_share_none():
    first, second = (list(scene_images(6, size=32, split_number=i)) for i in (0, 1))
    assert {scene.image.shape[:2] for scene in first} == {(32, 32), (24, 32), (32, 24)}
    assert not {s.image.tobytes() for s in first} & {s.image.tobytes() for s in second}
    assert [len(scene.objects()) for scene in first] == [1, 2, 1, 2, 1, 2]


def test_pycocotools_reads_every_instance_pixel_for_pixel(tmp_path, capsys):
    names = write_coco_scenes(tmp_path, 10, size=32)
    coco = COCO(str(tmp_path / 'annotations/instances_val2017.json'))
    assert len(coco.cats) == 80
    kinds = set()
    for name, scene in zip(names, scene_images(10, size=32, classes=SHOWN), strict=True):
        annotations = coco.imgToAnns[int(name)]
        assert len(annotations) == len(scene.objects())
        for item in annotations:
            truth = scene.labels == 1 + CLASSES.index(coco.cats[item['category_id']]['name'])
            assert np.array_equal(coco.annToMask(item).astype(bool), truth)
            assert item['area'] == truth.sum()
            x, y, width, height = item['bbox']
            assert truth[y : y + height, x : x + width].sum() == truth.sum()
            assert truth[y : y + height, x].any()
            assert truth[y + height - 1, x : x + width].any()
            kinds.add((item['iscrowd'], type(item['segmentation'])))
    assert kinds == {(0, list), (1, dict)}


def test_outlines_of_random_masks_have_the_area_of_the_mask():
    rng = np.random.default_rng(0)
    for _ in range(10):
        mask = rng.random((7, 11)) > 0.5
        drawn = np.zeros_like(mask, int)
        for x1, y1, x2, _, _, y2, _, _ in outline_polygons(mask):
            drawn[int(y1) : int(y2), int(x1) : int(x2)] += 1
        assert np.array_equal(drawn, mask)


def test_voc_masks_are_palette_files_with_a_void_band_and_boxes_count_from_one(tmp_path):
    names = write_voc_scenes(tmp_path, {'val': 4}, size=32)['val']
    for name in names:
        with Image.open(tmp_path / f'SegmentationClass/{name}.png') as mask:
            assert mask.mode == 'P'
            assert mask.getpalette()[3:6] == [128, 0, 0]
            labels = np.asarray(mask)
        assert Image.open(tmp_path / f'JPEGImages/{name}.jpg').size == mask.size
        assert (labels == 255).any()
        root = ElementTree.parse(tmp_path / f'Annotations/{name}.xml').getroot()
        inside = (labels > 0) & (labels < 255)
        for box in root.iter('bndbox'):
            x1, y1, x2, y2 = (int(box.findtext(key)) for key in ('xmin', 'ymin', 'xmax', 'ymax'))
            assert 1 <= x1 <= x2 <= mask.size[0]
            assert 1 <= y1 <= y2 <= mask.size[1]
            inside[y1 - 1 : y2, x1 - 1 : x2] = False
        assert not inside.any()


@pytest.mark.parametrize(
    'write',
    [
        lambda root, count: write_voc_scenes(root, {'train': count}, size=32),
        lambda root, count: write_coco_scenes(root, count, size=32),
        lambda root, count: write_context_scenes(root, {'val': count}, size=32),
    ],
)
def test_writing_again_changes_nothing_and_other_files_are_not_overwritten(tmp_path, write):
    write(tmp_path, 3)
    before = digests(tmp_path)
    gone = next(path for path in tmp_path.rglob('*.jpg'))
    gone.unlink()
    write(tmp_path, 3)
    assert digests(tmp_path) == before
    with pytest.raises(ValueError, match='other content'):
        write(tmp_path, 4)
    assert before.items() <= digests(tmp_path).items()


def test_arguments_out_of_range_are_named(tmp_path):
    for arguments, message in ((dict(count=0), 'count'), (dict(count=1, size=8), 'size')):
        with pytest.raises(ValueError, match=f'`{message}`'):
            list(scene_images(**arguments))
    with pytest.raises(ValueError, match='`classes`'):
        list(scene_images(1, classes=[]))
    with pytest.raises(ValueError, match='`split`'):
        write_coco_scenes(tmp_path, 1, split='test')


def test_context_json_holds_the_labels_of_the_mats(tmp_path):
    from pycocotools import mask
    from scipy.io import loadmat

    write_context_scenes(tmp_path, {'val': 3}, size=32)
    content = json.loads((tmp_path / 'trainval_merged.json').read_text())
    for image in content['images']:
        stored = loadmat(tmp_path / f'trainval/{image["file_name"][:-4]}.mat')['LabelMap']
        assert stored.dtype == np.uint16
        assert stored.shape == (image['height'], image['width'])
        drawn = np.zeros(stored.shape, int)
        for item in content['annos_segmentation']:
            if item['image_id'] == image['image_id']:
                drawn[mask.decode(item['segmentation']) > 0] = item['category_id']
        assert np.array_equal(drawn, stored)
