from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

from mmseg_gen.datasets.transforms import LoadEvidence, StyleMixingLabel
from mmseg_gen.engine.labelling import label_image
from mmseg_gen.functional.style_clustering import ClusterSettings
from mmseg_gen.functional.style_foreground import ForegroundSettings, label_styles
from mmseg_gen.functional.style_objects import label_objects
from mmseg_gen.functional.style_stack import StyleStack
from mmseg_gen.registry import TRANSFORMS

SETTINGS = {'clusters': 2, 'color_space': 'rgb', 'foreground': 'corner', 'corner_size': 0.2, 'use_image': True}


@pytest.fixture
def truth():
    y, x = np.mgrid[:20, :30]
    return ((y - 10) ** 2 + (x - 14) ** 2 < 40).astype(np.uint8)


@pytest.fixture
def stack(truth):
    colors = np.random.default_rng(0).integers(0, 256, (6, 2, 3))
    return StyleStack(colors[:, truth].astype(np.uint8))


@pytest.fixture
def image(truth):
    return np.where(truth[..., None] > 0, [200, 120, 10], [30, 60, 90]).astype(np.uint8)


def test_equals_its_function_on_the_same_input(stack, image, truth):
    expected = label_styles(
        stack, image, ClusterSettings(2, 'rgb'), ForegroundSettings('corner', corner_size=0.2, use_image=True)
    )
    rgb = StyleMixingLabel(channel_order='rgb', **SETTINGS)({'img': image, 'evidence': stack})
    bgr = StyleMixingLabel(**SETTINGS)({'img': image[..., ::-1], 'evidence': stack})
    for results in (rgb, bgr):
        assert results['gt_seg_map'].dtype == np.uint8
        assert np.array_equal(results['gt_seg_map'], expected.labels)
        assert np.array_equal(results['gt_seg_map'], truth)
        assert results['seg_fields'] == ['gt_seg_map']
        assert results['label_quality'] == {'uncertainty': expected.uncertainty}


def test_builds_from_its_config_and_leaves_it(stack, image):
    config = dict(type='StyleMixingLabel', **SETTINGS)
    before = copy.deepcopy(config)
    transform = TRANSFORMS.build(config)
    pixels, colors = image.copy(), stack.images.copy()
    transform({'img': image, 'evidence': stack, 'seg_fields': ['gt_seg_map']})
    assert config == before
    assert np.array_equal(image, pixels)
    assert np.array_equal(stack.images, colors)


def test_survives_copies_and_pickles(stack, image):
    transform = StyleMixingLabel(**SETTINGS)
    expected = transform({'img': image, 'evidence': stack})['gt_seg_map']
    for twin in (copy.deepcopy(transform), pickle.loads(pickle.dumps(transform))):
        assert np.array_equal(twin({'img': image, 'evidence': stack})['gt_seg_map'], expected)


def test_stored_evidence_gives_the_label_of_synthesis(tmp_path, stack, image):
    stack.save(tmp_path / 's.npz')
    loaded = LoadEvidence()({'img': image, 'evidence_path': str(tmp_path / 's.npz')})
    transform = StyleMixingLabel(**SETTINGS)
    again = transform(loaded)['gt_seg_map']
    assert np.array_equal(again, transform({'img': image, 'evidence': stack.stored()})['gt_seg_map'])


def test_labels_while_synthesizing_and_names_what_it_drops(stack, image, truth):
    found = label_image(StyleMixingLabel(**SETTINGS), image, stack)
    assert found.error == ''
    assert found.measures['area'] == pytest.approx(truth.mean())
    dropped = label_image(StyleMixingLabel(clusters=2, saliency_threshold=1.0), image, stack)
    assert dropped.mask is None
    assert (dropped.error, dropped.undecided) == ('', 'no confident foreground')
    few = label_image(StyleMixingLabel(clusters=3), image, stack)
    assert 'at most 2' in few.error


def test_boxes_label_objects_one_by_one(stack, image, truth):
    boxed = StyleStack(stack.images, np.array([[0, 0, 30, 20], [0, 0, 3, 3]]), np.array([2, 1]), (1, 2))
    expected = label_objects(
        boxed, image, ClusterSettings(2, 'rgb'), ForegroundSettings('corner', corner_size=0.2, use_image=True)
    )
    found = label_image(StyleMixingLabel(**SETTINGS), image, boxed)
    assert np.array_equal(found.mask, expected.labels)
    assert np.array_equal(found.mask, 2 * truth)
    assert (found.measures['boxes'], found.measures['boxes_dropped']) == (2, 1)
    for boxes, labels, reason in (
        (np.array([[0, 0, 3, 3]]), [1], 'fewer colours than clusters in any box'),
        (np.zeros((0, 4)), [], 'no box'),
    ):
        dropped = label_image(StyleMixingLabel(**SETTINGS), image, StyleStack(stack.images, boxes, np.array(labels)))
        assert dropped.undecided == reason


def test_errors_name_what_is_missing(image, tmp_path):
    with pytest.raises(ValueError, match='put LoadEvidence before'):
        StyleMixingLabel()({'img': image})
    with pytest.raises(ValueError, match='evidence_path'):
        LoadEvidence()({'img': image})
    with pytest.raises(FileNotFoundError):
        LoadEvidence()({'evidence_path': str(tmp_path / 'none.npz')})
    with pytest.raises(ValueError, match='channel_order'):
        StyleMixingLabel(channel_order='hsv')
    with pytest.raises(TypeError, match='cutoff'):
        StyleMixingLabel(cutoff=8)
