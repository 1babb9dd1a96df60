from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from mmseg_gen.datasets.index_png import encode_index_png
from mmseg_gen.datasets.label_reading import decode_labels, decode_with_palette, present_labels, relabel, stored_palette


def png(image: Image.Image) -> bytes:
    stream = io.BytesIO()
    image.save(stream, 'PNG')
    return stream.getvalue()


LABELS = np.array([[0, 1, 2, 20], [255, 254, 7, 3], [5, 5, 1, 0]], np.uint8)


def test_palette_and_grey_files_give_the_stored_indices():
    assert np.array_equal(decode_labels(encode_index_png(LABELS), 'a.png'), LABELS)
    assert np.array_equal(decode_labels(png(Image.fromarray(LABELS)), 'a.png'), LABELS)


def palette_files():
    """Return palette files of full and short palettes, with transparent colours and without, and a grey one."""
    colors = np.random.default_rng(0).integers(0, 256, (256, 3)).astype(np.uint8)
    few = LABELS % 4
    for labels, count in ((LABELS, 256), (few, 4), (few, 256)):
        for opacity in (None, 0, bytes([255, 0, 128, 255])):
            image = Image.fromarray(labels)
            image.putpalette(colors[:count].tobytes())
            stream = io.BytesIO()
            image.save(stream, 'PNG', **({} if opacity is None else {'transparency': opacity}))
            yield labels, colors[:count], stream.getvalue()


def test_a_file_is_decoded_once_for_its_labels_and_its_palette():
    for labels, colors, content in palette_files():
        found, palette = decode_with_palette(content, 'a.png')
        assert np.array_equal(found, labels)
        assert palette.dtype == np.uint8
        # What Pillow itself gives as a list; a file may hold more colours than were named.
        listed = Image.open(io.BytesIO(content)).getpalette('RGB')
        assert palette.tolist() == np.reshape(listed, (-1, 3)).tolist() == stored_palette(content).tolist()
        assert np.array_equal(palette[: len(colors)], colors)
    grey, none = decode_with_palette(png(Image.fromarray(LABELS)), 'a.png')
    assert np.array_equal(grey, LABELS)
    assert none is None
    with pytest.raises(ValueError, match=r'label map, but got broken\.png'):
        decode_with_palette(b'no image', 'broken.png')


@pytest.mark.parametrize('dtype', [np.uint8, np.uint16, np.int64, bool])
def test_present_labels_are_those_of_a_set(dtype):
    labels = np.random.default_rng(1).choice([0, 1, 7, 128, 254, 255], (9, 14)).astype(dtype)
    for view in (labels, labels[:, ::2], labels.T, labels[:0]):
        found = present_labels(view)
        assert found.tolist() == sorted(set(view.ravel().tolist()))


def test_wide_and_narrow_files_keep_their_values():
    wide = LABELS.astype(np.uint16) * 200
    assert np.array_equal(decode_labels(png(Image.fromarray(wide)), 'a.png'), wide)
    assert decode_labels(png(Image.fromarray(LABELS > 2)), 'a.png').tolist() == (LABELS > 2).astype(int).tolist()


def test_colours_stay_colours():
    rgb = np.repeat(LABELS[..., None], 3, 2)
    assert decode_labels(png(Image.fromarray(rgb)), 'a.png').shape == (3, 4, 3)


@pytest.mark.parametrize('content', [b'', b'no image', encode_index_png(np.zeros((64, 64), np.uint8))[:60]])
def test_damaged_files_are_named(content):
    with pytest.raises(ValueError, match=r'label map, but got broken\.png'):
        decode_labels(content, 'broken.png')


@pytest.mark.parametrize('reduce_zero_label', [False, True])
@pytest.mark.parametrize('label_map', [None, {0: 1, 1: 0, 2: 255}])
def test_relabel_equals_the_loader_of_mmseg(tmp_path, reduce_zero_label, label_map):
    from mmseg.datasets.transforms import LoadAnnotations

    labels = np.where(LABELS == 254, 19, LABELS).astype(np.uint8)
    path = tmp_path / 'a.png'
    path.write_bytes(encode_index_png(labels))
    results = {
        'seg_map_path': str(path),
        'reduce_zero_label': reduce_zero_label,
        'label_map': label_map,
        'seg_fields': [],
    }
    expected = LoadAnnotations()(results)['gt_seg_map']
    kept = labels.copy()
    found = relabel(labels, reduce_zero_label=reduce_zero_label, label_map=label_map)
    assert found.dtype == np.uint8
    assert np.array_equal(found, expected)
    assert np.array_equal(labels, kept)


def test_index_files_of_other_arrays_are_refused():
    with pytest.raises(ValueError, match=r'uint8 \(H, W\), but got int64 \(2, 2\)'):
        encode_index_png(np.zeros((2, 2), np.int64))
