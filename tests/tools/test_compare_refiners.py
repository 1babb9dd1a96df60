"""Refiners compared on photographs whose masks were made coarse."""

from __future__ import annotations

import importlib.util
import json

import cv2
import numpy as np
import pytest

from mmseg_gen.evaluation.coarse_photos import coarse_photos


@pytest.fixture
def tool(repository):
    spec = importlib.util.spec_from_file_location('compare_refiners', repository / 'tools/compare_refiners.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def folders(tmp_path):
    """Six red discs on blue, wide, and their masks; a photo without a mask, and one whose mask is empty."""
    images, masks = tmp_path / 'images', tmp_path / 'masks'
    images.mkdir()
    masks.mkdir()
    rows, columns = np.indices((60, 90))
    for i in range(6):
        disc = (rows - 30) ** 2 + (columns - 30 - 6 * i) ** 2 < 18**2
        cv2.imwrite(str(images / f'{i}.png'), np.where(disc[..., None], (30, 20, 220), (210, 60, 20)).astype(np.uint8))
        cv2.imwrite(str(masks / f'{i}.png'), disc.astype(np.uint8) * 255)
    cv2.imwrite(str(images / 'alone.png'), np.zeros((60, 90, 3), np.uint8))
    cv2.imwrite(str(images / 'empty.png'), np.zeros((60, 90, 3), np.uint8))
    cv2.imwrite(str(masks / 'empty.png'), np.zeros((60, 90), np.uint8))
    return images, masks


def test_photos_come_with_truth_and_a_mask_of_the_iou_asked_for(folders):
    found = list(coarse_photos(*folders, side=90, iou=(0.5, 0.7), seed=0))
    assert [photo.name for photo in found] == list('012345')
    assert len({photo.kind for photo in found}) == 5
    for photo in found:
        np.testing.assert_array_equal(photo.truth, cv2.imread(str(folders[1] / f'{photo.name}.png'), 0) > 0)
        np.testing.assert_array_equal(photo.image[0, 0], [20, 60, 210])  # RGB
        coarse = photo.probabilities[1] > 0.5
        iou = (coarse & photo.truth).sum() / (coarse | photo.truth).sum()
        assert 0.45 < iou < 0.75
        np.testing.assert_allclose(photo.probabilities.sum(0), 1, atol=1e-6)


def test_photos_are_made_smaller_and_the_seed_decides(folders):
    small = list(coarse_photos(*folders, side=45, iou=(0.5, 0.7), seed=0))
    assert small[0].image.shape == (30, 45, 3)
    assert small[0].truth.shape == (30, 45)
    again = list(coarse_photos(*folders, side=45, iou=(0.5, 0.7), seed=0))
    other = list(coarse_photos(*folders, side=45, iou=(0.5, 0.7), seed=1))
    # Not bit by bit: NumPy's exp rounds as the memory happens to be aligned.
    same, changed = (
        [np.allclose(a.probabilities, b.probabilities, atol=1e-6) for a, b in zip(small, others, strict=True)]
        for others in (again, other)
    )
    assert all(same)
    assert not all(changed)


def test_undecided_pixels_are_background(folders):
    mask = np.zeros((60, 90), np.uint8)
    mask[20:40, 20:40], mask[:5] = 1, 255
    cv2.imwrite(str(folders[1] / '0.png'), mask)
    first = next(coarse_photos(*folders, side=90, iou=(0.5, 0.7), seed=0))
    np.testing.assert_array_equal(first.truth, mask == 1)


def test_the_tool_writes_what_each_refiner_gains(tool, folders, tmp_path, capsys):
    images, masks = map(str, folders)
    out = tmp_path / 'scores.json'
    assert (
        tool.main([images, masks, '--refiners', 'color-cut', 'guided-filter', '--part', 'odd', '--out', str(out)]) == 0
    )
    scores = json.loads(out.read_text())
    assert scores['photos'] == 3
    metrics = scores['metrics']
    assert metrics['color-cut'] > 0.98 > metrics['coarse']
    assert metrics['color-cut - coarse'] == pytest.approx(metrics['color-cut'] - metrics['coarse'])
    assert 'IoU of 3 photographs' in capsys.readouterr().out


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (['--iou', '0.8', '0.4'], 'Expected --iou LOW HIGH in (0, 1], but got 0.8 0.4'),
        (['--refiners', 'crf'], 'from g4seg, g4seg-gradient, dense-crf'),
        (['--limit', '0'], '--limit of at least 1, but got 0'),
    ],
)
def test_wrong_arguments_are_one_line(tool, folders, capsys, arguments, message):
    assert tool.main([*map(str, folders), *arguments]) == 2
    assert message in capsys.readouterr().err


def test_a_mask_of_another_size_is_refused(tool, folders, capsys):
    cv2.imwrite(str(folders[1] / '3.png'), np.ones((9, 9), np.uint8))
    assert tool.main([*map(str, folders), '--refiners', 'color-cut']) == 2
    assert '3.png to be as large as' in capsys.readouterr().err
