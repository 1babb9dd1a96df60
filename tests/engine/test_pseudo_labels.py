"""Pseudo ground truth with a model whose answer can be written down: it labels by brightness."""

from __future__ import annotations

import importlib.util
import json
import pickle

import numpy as np
import pytest
import torch
from PIL import Image

from mmseg_gen.engine.pseudo_labels import PseudoLabels
from mmseg_gen.errors import UserError
from mmseg_gen.evaluation.pseudo_ground_truth import (
    Picture,
    evaluate_against_model,
    generated_pictures,
    pseudo_truth,
)
from tests.engine.drawn_set import scene, write_set

CONFIG = """
custom_imports = dict(imports=['tests.engine.brightness_model'], allow_failed_imports=False)
default_scope = 'mmseg'
model = dict(
    type='BrightnessModel',
    num_classes={classes},
    data_preprocessor=dict(type='SegDataPreProcessor', mean=None, std=None, bgr_to_rgb=True),
)
test_pipeline = [dict(type='LoadImageFromFile'), dict(type='LoadAnnotations'), dict(type='PackSegInputs')]
"""
NAMES = ('background', 'dog', 'fire engine')


def write_model(folder, names=NAMES, threshold=100.0):
    """Write config and checkpoint of a model that gives bright pixels class 1 and the brightest class 2."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / 'model.py').write_text(CONFIG.format(classes=len(names)))
    meta = {'dataset_meta': {'classes': names, 'palette': [[0, 0, 0]] * len(names)}}
    torch.save({'state_dict': {'threshold': torch.tensor([threshold])}, 'meta': meta}, folder / 'model.pth')
    return folder / 'model.py', folder / 'model.pth'


@pytest.fixture(scope='module')
def root(tmp_path_factory):
    return write_set(tmp_path_factory.mktemp('pseudo') / 'set')


@pytest.fixture(scope='module')
def model(tmp_path_factory):
    return write_model(tmp_path_factory.mktemp('model'))


def bright(path, threshold=100):
    return np.asarray(Image.open(path)).astype(float).mean(-1) > threshold


def test_labels_are_the_models_and_are_computed_once(root, model, tmp_path):
    labels = PseudoLabels(*model, tmp_path / 'cache')
    images = sorted((root / 'images').iterdir())
    for image in images:
        assert np.array_equal(labels(image) > 0, bright(image))
    assert (labels.computed, labels.classes) == (6, NAMES)
    again = PseudoLabels(*model, tmp_path / 'cache')
    again._loaded = None  # any use of the model would raise
    assert all(np.array_equal(again(image), labels(image)) for image in images)
    assert again.computed == 0
    assert again.classes == NAMES


def test_another_model_and_a_changed_image_are_labelled_anew(root, model, tmp_path):
    first = PseudoLabels(*model, tmp_path / 'cache')
    other = PseudoLabels(*write_model(tmp_path / 'other', threshold=150.0), tmp_path / 'cache')
    assert first.key != other.key
    image = tmp_path / 'a.png'
    Image.fromarray(np.full((20, 30, 3), 120, np.uint8)).save(image)
    assert first(image).all()
    assert not other(image).any()
    Image.fromarray(np.full((20, 30, 3), 80, np.uint8)).save(image)
    assert not first(image).any()


def test_a_label_map_that_was_cut_short_is_made_again(root, model, tmp_path):
    labels, image = PseudoLabels(*model, tmp_path / 'cache'), next((root / 'images').iterdir())
    expected = labels(image)
    stored = next(labels.folder.glob('*.png'))
    stored.write_bytes(stored.read_bytes()[:40])
    assert np.array_equal(labels(image), expected)
    assert labels.computed == 2


def test_agreement_equals_counting(root, model, tmp_path):
    pictures = generated_pictures(root)
    assert [p.class_name for p in pictures] == ['dog', 'fire engine'] * 3
    labels = PseudoLabels(*model, tmp_path / 'cache')
    scores = evaluate_against_model(root / 'masks', pictures, labels, foreground=['dog', 'fire engine']).metrics
    each, inside, union = [], 0, 0
    for index, picture in enumerate(pictures):
        truth, mask = bright(picture.path), scene(index)
        each.append((truth & mask).sum() / (truth | mask).sum())
        inside, union = inside + (truth & mask).sum(), union + (truth | mask).sum()
    assert scores['binary/IoU_fg_per_image'] == pytest.approx(np.mean(each))
    assert scores['binary/IoU_fg_pooled'] == pytest.approx(inside / union)
    assert 0.3 < inside / union <= 1


def test_each_sample_counts_the_class_it_was_made_for(root, model, tmp_path):
    labels = PseudoLabels(*model, tmp_path / 'cache')
    images = pseudo_truth(generated_pictures(root), labels).images
    for image, index in zip(images, (1, 2) * 3, strict=True):
        assert np.array_equal(image.labels(), labels(image.meta['img_path']) == index)


def test_index_masks_are_compared_class_by_class(root, model, tmp_path):
    labels = PseudoLabels(*model, tmp_path / 'cache')
    pictures = [Picture(path) for path in sorted((root / 'images').iterdir())]
    swap = np.array([0, 2, 1], np.uint8)
    (tmp_path / 'masks').mkdir()
    for picture in pictures:
        Image.fromarray(swap[labels(picture.path)]).save(tmp_path / 'masks' / picture.path.name)
    scores = evaluate_against_model(tmp_path / 'masks', pictures, labels, classes=['fire engine', 'dog']).metrics
    assert scores['class/mIoU'] == scores['class/IoU/fire engine'] == scores['class/IoU/dog'] == 1


def test_two_class_models_have_one_foreground(root, tmp_path):
    labels = PseudoLabels(*write_model(tmp_path / 'two', ('background', 'foreground')), tmp_path / 'cache')
    image = pseudo_truth(generated_pictures(root), labels).images[0]
    assert np.array_equal(image.labels() == 1, bright(image.meta['img_path']))


def test_what_is_missing_is_named(root, model, tmp_path):
    labels = PseudoLabels(*model, tmp_path / 'cache')
    with pytest.raises(UserError, match=r"class of the model \(background, dog, fire engine\), but got 'horse'"):
        pseudo_truth(generated_pictures(root), labels, foreground=['horse'])
    with pytest.raises(UserError, match='name it with --class'):
        pseudo_truth(generated_pictures(root / 'images'), labels)
    with pytest.raises(UserError, match='but got both'):
        pseudo_truth([], labels, foreground=['dog'], classes=['dog'])
    with pytest.raises(UserError, match='download it first'):
        PseudoLabels(model[0], 'https://example.org/model.pth', tmp_path)
    with pytest.raises(FileNotFoundError, match='Expected a config file'):
        PseudoLabels(tmp_path / 'none.py', model[1], tmp_path)


class _Boom:
    def __reduce__(self):
        return (exec, ('raise SystemExit("code from a checkpoint ran")',))


def test_a_checkpoint_with_code_is_refused(root, model, tmp_path):
    (tmp_path / 'evil.pth').write_bytes(pickle.dumps({'state_dict': _Boom()}))
    labels = PseudoLabels(model[0], tmp_path / 'evil.pth', tmp_path / 'cache')
    with pytest.raises(UserError, match=r'evil\.pth'):
        labels(next((root / 'images').iterdir()))


def test_the_tool_scores_a_set_and_keeps_the_label_maps(root, model, repository, tmp_path, capsys):
    spec = importlib.util.spec_from_file_location('pseudo_tool', repository / 'tools/pseudo_ground_truth.py')
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    out, cache = tmp_path / 'scores.json', tmp_path / 'cache'
    arguments = [str(root), *map(str, model), '--class', 'dog', 'fire engine', '--cache', str(cache)]
    assert tool.main([*arguments, '--out', str(out)]) == 0
    assert '6 images' in (first := capsys.readouterr().out)
    assert '(6 labelled now)' in first
    content = json.loads(out.read_text())
    assert content['n'] == 6
    assert content['metrics']['binary/mIoU_per_image']['ci95']
    assert tool.main(arguments) == 0
    assert '(0 labelled now)' in capsys.readouterr().out
    assert tool.main([str(tmp_path / 'none'), *arguments[1:]]) == 2
    assert capsys.readouterr().err.count('\n') == 1
    several = write_set(tmp_path / 'several')
    meta = {'format': 1, 'settings': {'objects': [1, 2], 'classes': ['dog', 'fire engine']}}
    (several / 'meta.json').write_text(json.dumps(meta))
    assert tool.main([str(several), *arguments[1:]]) == 2
    assert "add --classes dog 'fire engine'." in capsys.readouterr().err
    assert tool.main([str(several), *arguments[1:], '--masks', str(root / 'masks')]) == 0
