"""Exports read back by other programs' readers, or by plain loops."""

from __future__ import annotations

import hashlib
import json
import xml.etree.ElementTree as ET

import cv2
import numpy as np
import pytest
import yaml
from PIL import Image

from mmseg_gen.cli.main import main
from mmseg_gen.engine.export import ExportSettings, export_data_set
from mmseg_gen.engine.export.samples import split_of
from mmseg_gen.errors import UserError
from tests.engine.drawn_set import finish_set, scene, write_entry, write_set


@pytest.fixture(scope='module')
def root(tmp_path_factory):
    return write_set(tmp_path_factory.mktemp('drawn') / 'set')


def export(root, out, **settings):
    return export_data_set(root, out, ExportSettings(**settings), workers=1)


def tree(folder):
    files = sorted(p for p in folder.rglob('*') if p.is_file())
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def test_pycocotools_gives_every_mask_back(root, tmp_path):
    coco_module = pytest.importorskip('pycocotools.coco')
    report = export(root, tmp_path / 'out', format='coco')
    coco = coco_module.COCO(str(tmp_path / 'out/annotations/instances_train.json'))
    assert [c['name'] for c in coco.loadCats(coco.getCatIds())] == ['dog', 'fire engine']
    assert len(coco.getImgIds()) == report.samples == 6
    assert len(coco.anns) == report.objects == 9
    for index, image in enumerate(coco.loadImgs(sorted(coco.getImgIds()))):
        assert (image['height'], image['width']) == (20, 30)
        assert (tmp_path / 'out/images' / image['file_name']).is_file()
        annotations = coco.loadAnns(coco.getAnnIds(image['id']))
        masks = [coco.annToMask(a).astype(bool) for a in annotations]
        assert np.array_equal(np.any(masks, axis=0), scene(index))
        assert {a['category_id'] for a in annotations} == {1 + index % 2}
        for annotation, mask in zip(annotations, masks, strict=True):
            rows, columns = np.nonzero(mask)
            x, y, w, h = annotation['bbox']
            assert (x, y, x + w - 1, y + h - 1) == (columns.min(), rows.min(), columns.max(), rows.max())
            assert annotation['area'] == mask.sum()


def test_cocoeval_scores_the_export_against_itself_as_perfect(root, tmp_path):
    coco_module = pytest.importorskip('pycocotools.coco')
    cocoeval = pytest.importorskip('pycocotools.cocoeval')
    export(root, tmp_path / 'out', format='coco')
    truth = coco_module.COCO(str(tmp_path / 'out/annotations/instances_train.json'))
    keys = ('image_id', 'category_id', 'segmentation')
    found = truth.loadRes([{**{k: a[k] for k in keys}, 'score': 0.9} for a in truth.anns.values()])
    evaluation = cocoeval.COCOeval(truth, found, 'segm')
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    assert evaluation.stats[0] == pytest.approx(1.0)


def test_a_class_can_be_one_object(root, tmp_path):
    assert export(root, tmp_path / 'out', format='coco', instances='class').objects == 6
    assert export(root, tmp_path / 'min', format='coco', min_area=9).objects == 6


def test_voc_masks_boxes_and_lists(root, tmp_path):
    out = tmp_path / 'out'
    export(root, out, format='voc', val_share=0.5)
    stems = [p.stem for p in sorted((root / 'masks').iterdir())]
    lists = {s: (out / f'ImageSets/Segmentation/{s}.txt').read_text().split() for s in ('train', 'val', 'trainval')}
    assert lists['trainval'] == stems
    assert lists['train']
    assert lists['val']
    assert sorted(lists['train'] + lists['val']) == stems
    assert (out / 'classes.txt').read_text().splitlines() == ['background', 'dog', 'fire engine']
    for index, stem in enumerate(stems):
        mask = Image.open(out / f'SegmentationClass/{stem}.png')
        assert mask.mode == 'P'
        assert mask.getpalette()[3:6] == [128, 0, 0]
        assert np.array_equal(np.asarray(mask), scene(index) * (1 + index % 2))
        photo = np.asarray(Image.open(out / f'JPEGImages/{stem}.jpg')).astype(int)
        original = np.asarray(Image.open(root / f'images/{stem}.png')).astype(int)
        assert np.abs(photo - original).mean() < 4
        boxes = [
            tuple(int(o.find(f'bndbox/{k}').text) for k in ('xmin', 'ymin', 'xmax', 'ymax'))
            for o in ET.parse(out / f'Annotations/{stem}.xml').iter('object')
        ]
        first = (3 + index % 5, 4, 14 + index % 5, 13)
        assert boxes == ([first, (25, 17, 28, 18)] if index % 2 else [first])


def test_yolo_polygons_give_the_masks_with_holes_filled(root, tmp_path):
    out = tmp_path / 'out'
    export(root, out, format='yolo')
    settings = yaml.safe_load((out / 'data.yaml').read_text())
    assert settings == {'train': 'images/train', 'val': 'images/train', 'names': {0: 'dog', 1: 'fire engine'}}
    for index, path in enumerate(sorted((out / 'labels/train').iterdir())):
        assert (out / f'images/train/{path.stem}.png').is_file()
        canvas = np.zeros((20, 30), np.uint8)
        for line in path.read_text().splitlines():
            label, *numbers = line.split()
            assert int(label) == index % 2
            # As Ultralytics reads them: scaled to pixels, cut to integers, filled.
            corners = np.array(numbers, float).reshape(-1, 2) * (30, 20)
            assert len(corners) >= 3
            cv2.fillPoly(canvas, [corners.astype(np.int32)], 1)
        filled = scene(index)
        filled[6:9, 7:9] = True
        assert np.array_equal(canvas.astype(bool), filled)


@pytest.mark.parametrize('kind', ['voc', 'coco', 'yolo'])
def test_equal_input_gives_equal_bytes_with_any_number_of_workers(root, tmp_path, kind):
    export(root, tmp_path / 'a', format=kind)
    settings = ExportSettings(format=kind)
    export_data_set(root, tmp_path / 'b', settings, workers=2 if kind == 'coco' else 1)
    assert tree(tmp_path / 'a') == tree(tmp_path / 'b')


def test_an_interrupted_export_goes_on_and_keeps_finished_files(root, tmp_path):
    out = tmp_path / 'out'
    export(root, out, format='coco')
    expected = tree(out)
    (out / 'annotations/instances_train.json').unlink()
    (out / 'images/000003_fire.png').unlink()
    kept = out / 'images/000000_dog.png'
    before = kept.stat().st_mtime_ns
    with pytest.raises(UserError, match='pass --resume'):
        export(root, out, format='coco')
    export_data_set(root, out, ExportSettings(format='coco'), resume=True, workers=1)
    assert tree(out) == expected
    assert kept.stat().st_mtime_ns == before


def test_foreign_files_and_other_settings_are_refused(root, tmp_path):
    mine = tmp_path / 'mine'
    mine.mkdir()
    (mine / 'thesis.txt').write_text('years of work')
    with pytest.raises(UserError, match='holds other files'):
        export_data_set(root, mine, ExportSettings(format='coco'), resume=True)
    assert [p.name for p in mine.iterdir()] == ['thesis.txt']
    export(root, tmp_path / 'out', format='coco')
    with pytest.raises(UserError, match='begun with others'):
        export_data_set(root, tmp_path / 'out', ExportSettings(format='coco', min_area=5), resume=True)
    with pytest.raises(UserError, match='outside the data set'):
        export(root, root / 'out', format='coco')


def test_index_masks_keep_their_labels_and_void(tmp_path):
    labels = np.zeros((12, 9), np.uint8)
    labels[:4], labels[4:6], labels[10:] = 1, 255, 2
    entries = [write_entry(tmp_path / 'set', 0, 'face', size=(12, 9), mask=labels)]
    root = finish_set(tmp_path / 'set', entries)
    names = ('background', 'skin', 'hair & <hat>')
    export(root, tmp_path / 'voc', format='voc', mask_classes=names)
    assert np.array_equal(np.asarray(Image.open(tmp_path / 'voc/SegmentationClass/000000_face.png')), labels)
    found = [o.find('name').text for o in ET.parse(tmp_path / 'voc/Annotations/000000_face.xml').iter('object')]
    assert found == ['skin', 'hair & <hat>']
    export(root, tmp_path / 'coco', format='coco', mask_classes=names)
    content = json.loads((tmp_path / 'coco/annotations/instances_train.json').read_text())
    assert [(a['category_id'], a['area']) for a in content['annotations']] == [(1, 36), (2, 18)]
    with pytest.raises(UserError, match=r'got \[1, 2\]; name the classes|got \[0, 1, 2, 255\]; name the classes'):
        export(root, tmp_path / 'none', format='coco')
    with pytest.raises(UserError, match=r'got \[2\]; complete'):
        export(root, tmp_path / 'few', format='coco', mask_classes=names[:2])


def test_a_set_of_several_classes_knows_the_names_of_its_labels(tmp_path):
    labels = np.zeros((12, 9), np.uint8)
    labels[:4], labels[4:6], labels[10:] = 1, 255, 2
    root = finish_set(tmp_path / 'set', [write_entry(tmp_path / 'set', 0, 'dog', size=(12, 9), mask=labels)])
    settings = {'objects': [1, 2], 'classes': ['dog', 'potted plant']}
    (root / 'meta.json').write_text(json.dumps({'format': 1, 'settings': settings}))
    export(root, tmp_path / 'coco', format='coco')
    content = json.loads((tmp_path / 'coco/annotations/instances_train.json').read_text())
    assert [c['name'] for c in content['categories']] == ['dog', 'potted plant']
    assert [(a['category_id'], a['area']) for a in content['annotations']] == [(1, 36), (2, 18)]
    with pytest.raises(UserError, match='index masks fix the order themselves'):
        export(root, tmp_path / 'ordered', format='coco', classes=('potted plant', 'dog'))


def test_bad_files_are_named(tmp_path):
    root = write_set(tmp_path / 'set', count=2)
    mask = root / 'masks/000001_fire.png'
    cases = [
        (np.zeros((5, 5), np.uint8), 'size of its image'),
        (np.zeros((20, 30, 3), np.uint8), 'mode RGB'),
    ]
    for number, (pixels, text) in enumerate(cases):
        Image.fromarray(pixels).save(mask)
        with pytest.raises(UserError, match=rf'000001_fire\.png.*{text}|{text}.*'):
            export(root, tmp_path / f'out{number}', format='coco')
    mask.write_bytes(b'\x89PNG\r\n\x1a\n broken')
    with pytest.raises(UserError, match=r'readable image and mask, but got .*000001_fire\.png'):
        export(root, tmp_path / 'broken', format='voc')
    mask.unlink()
    with pytest.raises(UserError, match=r'1 are missing, .*000001_fire\.png'):
        export(root, tmp_path / 'missing', format='voc')


def test_index_masks_of_0_and_255_are_not_read_as_void(root, tmp_path):
    with pytest.raises(UserError, match='leave out --mask-classes'):
        export(root, tmp_path / 'out', format='coco', mask_classes=('background', 'dog'))


@pytest.mark.parametrize(
    ('settings', 'text'),
    [
        (dict(format='pascal'), '`format` from voc, coco, yolo'),
        (dict(format='voc', val_share=1.0), r'`val_share` in \[0, 1\)'),
        (dict(format='voc', min_area=0), '`min_area` of at least 1'),
        (dict(format='yolo', instances='class'), 'polygons have one part'),
        (dict(format='voc', classes=('dog', 'dog')), 'different `classes`'),
        (dict(format='voc', classes=('dog',), mask_classes=('a', 'b')), 'but got both'),
    ],
)
def test_settings_out_of_range_are_named(settings, text):
    with pytest.raises(UserError, match=text):
        ExportSettings(**settings)


def test_classes_fix_the_ids_and_must_be_complete(root, tmp_path):
    export(root, tmp_path / 'out', format='coco', classes=('cat', 'fire engine', 'dog'))
    content = json.loads((tmp_path / 'out/annotations/instances_train.json').read_text())
    assert content['annotations'][0]['category_id'] == 3
    with pytest.raises(UserError, match='it lacks fire engine'):
        export(root, tmp_path / 'few', format='coco', classes=('dog',))


def test_splits_depend_on_the_name_alone_and_have_about_the_share():
    names = [f'{i:06d}_dog' for i in range(2000)]
    assert abs(np.mean([split_of(n, 0.2) == 'val' for n in names]) - 0.2) < 0.03
    assert all(split_of(n, 0.4) == 'val' for n in names if split_of(n, 0.2) == 'val')


def test_the_command_says_what_it_wrote(root, tmp_path, capsys):
    assert main(['export', str(root), '--format', 'yolo', '--out', str(tmp_path / 'out'), '--workers', '1']) == 0
    assert '6 samples (0 for validation) with 9 objects of 2 classes' in capsys.readouterr().out
    assert main(['export', str(tmp_path), '--format', 'yolo', '--out', str(tmp_path / 'x')]) == 2
    error = capsys.readouterr().err
    assert 'holds no finished sample' in error
    assert error.count('\n') == 1
