"""Data sets by style mixing: a generator whose regions are known, through the whole synthesis."""

from __future__ import annotations

import json
import os

import cv2
import numpy as np
import pytest
import torch
from PIL import Image

from mmseg_gen.datasets.synthetic import SyntheticDataset
from mmseg_gen.datasets.transforms import LoadEvidence, StyleMixingLabel
from mmseg_gen.engine.manifest import read_manifest
from mmseg_gen.engine.settings import SynthesisSettings
from mmseg_gen.engine.style_settings import StyleMixingSettings
from mmseg_gen.engine.synthesis import Worker, synthesize
from mmseg_gen.errors import UserError
from mmseg_gen.functional.manifest import label_classes
from mmseg_gen.functional.writing import encode_png
from mmseg_gen.generators.style_mixing import random_styles, to_pixels
from mmseg_gen.generators.stylegan2 import save_stylegan2
from tests.engine.fake_synthesis import tree
from tests.engine.square_gan import CUTOFF, square_gan
from tests.generators.stylegan2.tiny_stylegan2 import tiny_generator

SQUARE = np.zeros((8, 8), np.uint8)
SQUARE[2:6, 2:6] = 1
LABEL = {'type': 'StyleMixingLabel', 'clusters': 2, 'foreground': 'corner', 'color_space': 'rgb'}


@pytest.fixture(autouse=True)
def _no_waiting_for_the_disk(monkeypatch):
    monkeypatch.setattr(os, 'fsync', lambda handle: None)


@pytest.fixture(scope='module')
def checkpoint(tmp_path_factory):
    path = tmp_path_factory.mktemp('gan') / 'square.safetensors'
    save_stylegan2(square_gan(), path)
    return path


@pytest.fixture
def config(checkpoint):
    def build(labeller=(), **generator):
        more = {key: generator.pop(key) for key in ('classes', 'num_samples', 'batch_size') if key in generator}
        style = dict(type='StyleMixing', checkpoint=str(checkpoint), cutoff=CUTOFF, count=12, truncation=1.0)
        settings = dict(classes=['square'], num_samples=4, batch_size=2, first_batch=1, seed=3, device='cpu')
        made_by, label = {**style, **generator}, {**LABEL, **dict(labeller)}
        return {'synthesis': {**settings, **more, 'generator': made_by, 'labeller': label}}

    return build


def masks(root, entries=None):
    kept = [e for e in entries or read_manifest(root) if 'mask' in e.files]
    return [np.asarray(Image.open(root / e.files['mask'][0])) for e in kept]


def test_masks_are_the_regions_of_the_generator(config, tmp_path):
    report = synthesize(config(), tmp_path / 'set')
    assert (report.kept, report.dropped) == (4, {})
    for mask in masks(tmp_path / 'set'):
        assert np.array_equal(mask, 255 * SQUARE)
    entries = read_manifest(tmp_path / 'set')
    assert [e.class_name for e in entries] == ['square'] * 4
    assert all('evidence' not in e.files for e in entries)
    assert len({(tmp_path / 'set' / e.files['image'][0]).read_bytes() for e in entries}) == 4


def test_stored_stacks_give_the_masks_of_the_run_again(config, tmp_path):
    synthesize(config(store_evidence=True), tmp_path / 'set')
    data = SyntheticDataset(str(tmp_path / 'set'), label_source='evidence', pipeline=[], serialize_data=False)
    for info, mask in zip(data.load_data_list(), masks(tmp_path / 'set'), strict=True):
        results = LoadEvidence()({**info, 'img': cv2.imread(info['img_path'])})
        label = StyleMixingLabel(**{k: v for k, v in LABEL.items() if k != 'type'})(results)
        assert np.array_equal(255 * label['gt_seg_map'], mask)


def test_an_interrupted_run_ends_with_the_same_bytes(config, tmp_path):
    synthesize(config(store_evidence=True), tmp_path / 'whole')
    root = tmp_path / 'cut'
    synthesize(config(store_evidence=True), root)
    lines = (root / 'manifest.jsonl').read_bytes().splitlines(keepends=True)
    (root / 'manifest.jsonl').write_bytes(b''.join(lines[:2]) + lines[2][:20])
    (root / 'evidence' / '000001_square.npz').write_bytes(b'cut')
    report = synthesize(config(store_evidence=True), root)
    assert report.made == 3
    assert tree(root) == tree(tmp_path / 'whole')


def test_batches_and_processes_do_not_matter(config, tmp_path):
    synthesize(config(), tmp_path / 'one')
    for rank in (1, 0):
        synthesize(config(batch_size=1), tmp_path / 'two', worker=Worker(rank, 2))
    one, two = (tree(tmp_path / name) for name in ('one', 'two'))
    assert {k: v for k, v in one.items() if '/' in k} == {k: v for k, v in two.items() if '/' in k}


def test_random_noise_is_a_function_of_the_sample(config, tmp_path):
    save_stylegan2(tiny_generator(8), tmp_path / 'noisy.safetensors')
    settings = dict(checkpoint=str(tmp_path / 'noisy.safetensors'), noise='random', labeller={'use_image': True})
    for name, seed in (('a', 0), ('b', 1)):
        torch.manual_seed(seed)
        synthesize(config(**settings), tmp_path / name)
    assert tree(tmp_path / 'a') == tree(tmp_path / 'b')
    synthesize(config(**{**settings, 'noise': 'none'}), tmp_path / 'c')
    assert tree(tmp_path / 'a')['images/000000_square.png'] != tree(tmp_path / 'c')['images/000000_square.png']


def test_images_without_confident_foreground_are_counted_and_listed(config, tmp_path):
    # The prior of the square is 0.8 on the square and 0.2 on the ground: a threshold between both keeps, above drops.
    with pytest.raises(UserError, match='all 4 were dropped: no confident foreground'):
        synthesize(config({'foreground': 'saliency', 'saliency_threshold': 1.0}), tmp_path / 'set')
    entries = read_manifest(tmp_path / 'set')
    assert [(e.status, e.reason) for e in entries] == [('dropped', 'no confident foreground')] * 4
    assert all(set(e.files) == {'image'} for e in entries)


def test_more_clusters_than_colours_is_a_failure_with_its_reason(config, tmp_path):
    with pytest.raises(UserError, match='`clusters` to be at most'):
        synthesize(config({'clusters': 60}), tmp_path / 'set')


def test_several_classes_by_annotated_boxes_make_label_maps(config, tmp_path):
    names = [f'{i:06d}_square' for i in range(4)]
    # The first image has both classes, the second the other one alone, the third none, and the file lacks the fourth.
    boxes = {0: [(1, [0, 0, 8, 8]), (2, [0, 0, 1, 1])], 1: [(2, [0, 0, 8, 8]), (9, [0, 0, 8, 8])], 2: []}
    annotations = [
        dict(id=k, image_id=i, category_id=c, bbox=b) for i, rows in boxes.items() for k, (c, b) in enumerate(rows)
    ]
    content = dict(
        images=[dict(id=i, file_name=f'{names[i]}.png') for i in range(3)],
        annotations=annotations,
        categories=[dict(id=1, name='square'), dict(id=2, name='dot'), dict(id=9, name='other')],
    )
    (tmp_path / 'boxes.json').write_text(json.dumps(content))
    found = dict(type='AnnotatedBoxes', path=str(tmp_path / 'boxes.json'))
    report = synthesize(config({'corner_size': 0.2}, classes=['square', 'dot'], boxes=found), tmp_path / 'set')
    entries = read_manifest(tmp_path / 'set')
    assert [e.status for e in entries] == ['kept', 'kept', 'dropped', 'dropped']
    assert entries[2].reason == 'no box'
    assert entries[3].reason.startswith('failed: Expected boxes of 000003_square')
    assert report.kept == 2
    assert (entries[0].measures['boxes'], entries[0].measures['boxes_dropped']) == (2, 1)
    first, second = masks(tmp_path / 'set')
    assert np.array_equal(first, SQUARE)
    assert np.array_equal(second, 2 * SQUARE)
    assert label_classes(tmp_path / 'set') == ['background', 'square', 'dot']


def test_a_box_outside_the_image_is_a_listed_drop(config, tmp_path):
    content = dict(
        images=[dict(id=i, file_name=f'{i:06d}_square.png') for i in range(4)],
        annotations=[dict(id=i, image_id=i, category_id=1, bbox=[20 if i == 1 else 0, 0, 8, 8]) for i in range(4)],
        categories=[dict(id=1, name='square')],
    )
    (tmp_path / 'boxes.json').write_text(json.dumps(content))
    boxes = dict(type='AnnotatedBoxes', path=str(tmp_path / 'boxes.json'))
    report = synthesize(config(boxes=boxes), tmp_path / 'set')
    (reason,) = report.dropped
    assert report.dropped[reason] == 1
    assert 'inside the image of 8 x 8 pixels, but got [20.0, 0.0, 28.0, 8.0]' in reason
    assert all(np.array_equal(mask, 255 * SQUARE) for mask in masks(tmp_path / 'set'))


def test_photographs_are_inverted_and_a_damaged_one_is_dropped(config, tmp_path):
    model = square_gan()
    photos = tmp_path / 'photos'
    photos.mkdir()
    for i, pixels in enumerate(to_pixels(model.synthesis(random_styles(model, 3, seed=5)))):
        wide = np.zeros((16, 24, 3), np.uint8)
        wide[:, 4:20] = pixels.repeat(2, 0).repeat(2, 1)
        (photos / f'{i}.png').write_bytes(encode_png(wide))
    (photos / '1.png').write_bytes(b'no image')
    inversion = dict(space='w', steps=60, scales=1)
    cfg = config(photos=str(photos), inversion=inversion, num_samples=None)
    report = synthesize(cfg, tmp_path / 'set')
    entries = read_manifest(tmp_path / 'set')
    assert [e.prompt for e in entries] == ['0.png', '1.png', '2.png']
    assert [e.status for e in entries] == ['kept', 'dropped', 'kept']
    assert 'not one that Pillow can read' in entries[1].reason
    assert report.kept == 2
    for entry, mask in zip(entries[::2], masks(tmp_path / 'set'), strict=True):
        # The square in the middle of the photograph, at the generator's size: every second of its doubled pixels.
        image = cv2.imread(str(tmp_path / 'set' / entry.files['image'][0]))
        assert np.array_equal(image, cv2.imread(str(photos / entry.prompt))[::2, 4:20:2])
        assert np.array_equal(mask, 255 * SQUARE)
        assert entry.measures['inversion_loss'] < 0.05
    assert synthesize(cfg, tmp_path / 'set').made == 0


def test_boxes_of_a_photograph_move_with_its_crop(config, tmp_path):
    model = square_gan()
    photos = tmp_path / 'photos'
    photos.mkdir()
    pixels = to_pixels(model.synthesis(random_styles(model, 1, seed=5)))[0]
    wide = np.zeros((16, 24, 3), np.uint8)
    wide[:, 4:20] = pixels.repeat(2, 0).repeat(2, 1)
    (photos / 'a.png').write_bytes(encode_png(wide))
    (tmp_path / 'xml').mkdir()
    boxes = [('square', 5, 1, 20, 16), ('square', 1, 1, 3, 16), ('tree', 1, 1, 24, 16)]
    objects = ''.join(
        f'<object><name>{n}</name><bndbox><xmin>{a}</xmin><ymin>{b}</ymin><xmax>{c}</xmax><ymax>{d}</ymax></bndbox></object>'
        for n, a, b, c, d in boxes
    )
    size = '<size><width>24</width><height>16</height></size>'
    (tmp_path / 'xml' / 'a.xml').write_text(f'<annotation>{size}{objects}</annotation>')
    found = dict(type='AnnotatedBoxes', path=str(tmp_path / 'xml'))
    cfg = config(photos=str(photos), inversion=dict(steps=60), num_samples=None, boxes=found, store_evidence=True)
    synthesize(cfg, tmp_path / 'set')
    (entry,) = read_manifest(tmp_path / 'set')
    stack = LoadEvidence()({'evidence_path': str(tmp_path / 'set' / entry.files['evidence'][0])})['evidence']
    assert stack.boxes.tolist() == [[0, 0, 8, 8]]
    assert np.array_equal(masks(tmp_path / 'set')[0], 255 * SQUARE)


@pytest.mark.parametrize(
    ('changes', 'text'),
    [
        (dict(cutoff=5), r'`cutoff` in \[0, 4\]'),
        (dict(cutoff=-1), 'cutoff'),
        (dict(resolution=12), 'power of two'),
        (dict(resolution=1024), '`resolution` 1024, but .* has 8'),
        (dict(noise='white'), 'noise'),
        (dict(count=0), 'count'),
        (dict(truncation=-1), 'truncation'),
        (dict(style='x'), 'keys from'),
        (dict(inversion={}), '`photos`'),
        (dict(photos='/nowhere'), 'no such folder'),
        (dict(boxes=dict(type='StyleMixing')), 'GroundingDinoBoxes'),
        (dict(boxes=dict(type='AnnotatedBoxes', path='/nowhere.json')), 'no file'),
        (dict(boxes=dict(type='AnnotatedBoxes', file='x')), 'known settings'),
        (dict(type='NoSuchGenerator'), 'StyleMixing, DiffusionStyles'),
        (dict(type=''), 'with a `type`'),
        (dict(classes=['a', 'b']), 'as many'),
        (dict(checkpoint='/nowhere.safetensors'), 'no such file'),
    ],
)
def test_wrong_settings_are_named(config, tmp_path, changes, text):
    with pytest.raises((UserError, FileNotFoundError), match=text):
        synthesize(config(**changes), tmp_path / 'set')
    assert read_manifest(tmp_path / 'set') == []


def test_settings_of_text_to_image_models_are_refused(config):
    for name, value in (('prompts', 'p.jsonl'), ('height', 64), ('filter', {'clip_threshold': 0.5})):
        with pytest.raises(UserError, match='text-to-image'):
            SynthesisSettings.from_dict({**config()['synthesis'], name: value})
    settings = {k: v for k, v in config()['synthesis'].items() if k != 'labeller'}
    assert SynthesisSettings.from_dict(settings).labeller == {'type': 'StyleMixingLabel'}
    with pytest.raises(UserError, match='cutoff'):
        StyleMixingSettings.from_dict({'type': 'StyleMixing'})


def test_a_folder_may_not_hold_fewer_photographs_than_asked_for(config, tmp_path):
    (tmp_path / 'photos').mkdir()
    (tmp_path / 'photos' / 'a.png').write_bytes(encode_png(np.zeros((8, 8, 3), np.uint8)))
    with pytest.raises(UserError, match=r'at least `synthesis\.num_samples` = 4'):
        synthesize(config(photos=str(tmp_path / 'photos')), tmp_path / 'set')
