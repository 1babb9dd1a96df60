"""Masks from files: every kind that people have, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from mmseg_gen.errors import UserError
from mmseg_gen.functional.coarsening import soften_mask
from mmseg_gen.refiners.stored_masks import mask_probabilities, read_mask

SIZE = (10, 14)


def binary() -> np.ndarray:
    mask = np.zeros(SIZE, bool)
    mask[2:7, 3:9] = True
    return mask


@pytest.mark.parametrize('mask', [binary(), binary().astype(np.uint8), binary().astype(np.uint8) * 255], ids=str)
def test_binary_masks_of_any_coding_are_softened_alike(mask):
    found = mask_probabilities(mask, ['cat'], SIZE, soften=1.5)
    assert np.allclose(found[1], soften_mask(binary(), 1.5), atol=1e-6)
    assert np.allclose(found.sum(0), 1)
    assert ((found.argmax(0) == 1) == binary()).all()


def test_void_beside_the_label_of_the_one_class_is_undecided():
    mask = binary().astype(np.uint8)
    mask[:2] = 255
    found = mask_probabilities(mask, ['cat'], SIZE)
    assert np.allclose(found[:, :2], 0.5)
    assert ((found[1] > 0.5) == (mask == 1)).all()


@pytest.mark.parametrize('width', [0.0, -1.0])
def test_a_width_that_softens_nothing_is_refused(width):
    with pytest.raises(ValueError, match='`width` to be positive'):
        mask_probabilities(binary(), ['cat'], SIZE, soften=width)


def test_grey_levels_and_floats_are_probabilities():
    levels = np.arange(140, dtype=np.uint8).reshape(SIZE)
    assert np.allclose(mask_probabilities(levels, ['cat'], SIZE)[1], levels / 255)
    soft = np.linspace(0, 1, 140, dtype=np.float32).reshape(SIZE)
    for stored in (soft, soft[None], np.stack([1 - soft, soft]), soft.astype(np.float16)):
        assert np.allclose(mask_probabilities(stored, ['cat'], SIZE)[1], soft, atol=1e-3)


def test_label_maps_keep_their_labels_and_void_is_undecided():
    labels = np.zeros(SIZE, np.uint8)
    labels[1:5, 1:6], labels[6:9, 8:13], labels[0, :3] = 1, 2, 255
    found = mask_probabilities(labels, ['cat', 'dog'], SIZE)
    known = labels != 255
    assert (found.argmax(0)[known] == labels[known]).all()
    assert np.allclose(found[:, ~known], 1 / 3)
    assert np.allclose(found.sum(0), 1, atol=1e-6)


def test_soft_masks_of_several_classes_with_and_without_background():
    rng = np.random.default_rng(0)
    values = rng.dirichlet(np.ones(3), SIZE).transpose(2, 0, 1)
    whole = mask_probabilities(values, ['cat', 'dog'], SIZE)
    without = mask_probabilities(values[1:], ['cat', 'dog'], SIZE)
    assert np.allclose(whole, values, atol=1e-6)
    assert np.allclose(without, values, atol=1e-6)


@pytest.mark.parametrize(
    ('mask', 'names', 'match'),
    [
        (np.zeros((4, 4), np.uint8), ['cat'], r'10 x 14 \(height x width\), but got \(4, 4\)'),
        (np.full(SIZE, 3, np.uint8), ['cat', 'dog'], 'labels from 0 to 2 .*but got 3 to 3'),
        (np.full(SIZE, 7, np.uint8), ['cat'], 'but got up to 7; name every class'),
        (np.full(SIZE, 3.0), ['cat'], r'in \[0, 1\], but got values from 3 to 3; logits'),
        (np.full(SIZE, np.nan), ['cat'], r'in \[0, 1\]'),
        (np.zeros((5, *SIZE)), ['cat', 'dog'], '2 channels, or 3 with the background, but got 5'),
        (np.full((2, *SIZE), 0.8), ['cat', 'dog'], 'sum to 1 at most, but got 1.6'),
        (np.zeros(SIZE, complex), ['cat'], 'integer labels'),
        (np.zeros(SIZE), [], 'at least one class'),
    ],
)
def test_masks_that_do_not_fit_are_refused_with_their_values(mask, names, match):
    with pytest.raises(ValueError, match=match):
        mask_probabilities(mask, names, SIZE)


def test_files_are_read_as_they_are(tmp_path):
    labels = np.arange(140, dtype=np.uint8).reshape(SIZE) % 3
    indexed = Image.fromarray(labels, 'P')
    indexed.putpalette([0, 0, 0, 255, 0, 0, 0, 255, 0])
    indexed.save(tmp_path / 'p.png')
    assert (read_mask(tmp_path / 'p.png') == labels).all()
    Image.fromarray(labels * 100).save(tmp_path / 'l.png')
    assert (read_mask(tmp_path / 'l.png') == labels * 100).all()
    wide = np.linspace(0, 65535, 140).round().astype(np.uint16).reshape(SIZE)
    Image.fromarray(wide).save(tmp_path / 'i.png')
    assert np.allclose(read_mask(tmp_path / 'i.png'), wide / 65535)
    soft = np.random.default_rng(0).random((3, *SIZE)).astype(np.float32)
    np.save(tmp_path / 's.npy', soft)
    assert (read_mask(tmp_path / 's.npy') == soft).all()


def test_files_that_are_no_masks_are_named(tmp_path):
    Image.fromarray(np.zeros((4, 4, 3), np.uint8)).save(tmp_path / 'rgb.png')
    with pytest.raises(UserError, match=r'rgb\.png is RGB'):
        read_mask(tmp_path / 'rgb.png')
    np.save(tmp_path / 'objects.npy', np.array([{}]), allow_pickle=True)
    with pytest.raises(UserError, match=r'objects\.npy'):
        read_mask(tmp_path / 'objects.npy')
    (tmp_path / 'text.png').write_text('no image')
    with pytest.raises(UserError, match='neither'):
        read_mask(tmp_path / 'text.png')
    with pytest.raises(FileNotFoundError, match=r'gone\.png'):
        read_mask(tmp_path / 'gone.png')


def test_a_truncated_mask_is_named(tmp_path):
    whole, cut = tmp_path / 'whole.png', tmp_path / 'cut.png'
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (40, 40), dtype=np.uint8)).save(whole)
    cut.write_bytes(whole.read_bytes()[:600])
    with pytest.raises(UserError, match=r'cut\.png cannot be read'):
        read_mask(cut)
