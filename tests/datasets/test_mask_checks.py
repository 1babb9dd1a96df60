from __future__ import annotations

import io
from contextlib import nullcontext

import numpy as np
import pytest
from PIL import Image

from mmseg_gen.datasets.index_png import encode_index_png
from mmseg_gen.datasets.label_reading import decode_labels, stored_palette
from mmseg_gen.datasets.mask_checks import check_label_map, check_voc_palette
from mmseg_gen.functional.palette import voc_palette

GOOD = np.array([[0, 1, 2], [255, 2, 0]], np.uint8)


@pytest.mark.parametrize('dtype', [np.uint8, np.uint16, np.int64])
def test_a_good_map_passes(dtype):
    check_label_map(GOOD.astype(dtype), 3, 'a.png', image_size=(2, 3, 3))


@pytest.mark.parametrize(
    ('labels', 'message'),
    [
        (np.zeros((2, 3, 3), np.uint8), r'a\.png to hold one class id .* got colours, shape \(2, 3, 3\)'),
        (GOOD.astype(np.float32), r'integer class ids'),
        (np.array([[0, 3, 4], [9, 1, 255]], np.uint8), r'from 0 to 2, or 255 .* got 3, 4, 9 in a\.png'),
        (np.array([[0, 300, 1]], np.uint16), r'got 300 in a\.png'),
        (np.array([[-1, 0, 1]], np.int64), r'got -1 in'),
        (np.array([[0, 255, 0]], np.uint8), r'only 0 and 255, of which 255 is ignored: .*LoadBinaryMask'),
        (np.full((2, 3), 255, np.uint8), r'only 0 and 255'),
        (np.zeros((0, 3), np.uint8), r'it is empty'),
    ],
)
def test_what_is_wrong_is_said_with_the_file(labels, message):
    with pytest.raises(ValueError, match=message):
        check_label_map(labels, 3, 'a.png')


@pytest.mark.parametrize('num_classes', [1, 3, 128, 130, 254])
def test_every_pair_of_labels_is_judged_as_the_rule_says(num_classes):
    """A file may hold class ids and 255; 255 with nothing else than 0 is a mask of 0 and 255."""
    for low in (0, 1, 2, 127, 128, 129, 253, 255):
        for high in (0, 1, 2, 3, 126, 127, 128, 129, 130, 253, 254, 255):
            present = {low, high}
            good = all(label < num_classes or label == 255 for label in present)
            good &= not (255 in present and present <= {0, 255})
            labels = np.array([[low, high, low]], np.uint8)
            for form in (labels, labels.astype(np.int64), np.repeat(labels, 2, 0).T):
                try:
                    check_label_map(form, num_classes, 'a.png')
                    passed = True
                except ValueError:
                    passed = False
                assert passed == good, (low, high, form.dtype)


def test_a_map_of_background_alone_passes():
    check_label_map(np.zeros((2, 3), np.uint8), 3, 'a.png')


def test_void_alone_can_be_allowed():
    check_label_map(np.full((2, 3), 255, np.uint8), 3, 'a.png', allow_void_only=True)
    with pytest.raises(ValueError, match='got 7'):
        check_label_map(np.full((2, 3), 7, np.uint8), 3, 'a.png', allow_void_only=True)


def test_a_turned_map_is_found_out():
    with pytest.raises(ValueError, match=r'a\.png to have the size of its image, 2 x 3 pixels .* but got 3 x 2'):
        check_label_map(GOOD, 3, 'a.png', image_size=(3, 2))


def test_many_wrong_ids_are_shortened():
    with pytest.raises(ValueError, match=r'got 3, 4, 5, 6, 7, \.\.\. in'):
        check_label_map(np.arange(20, dtype=np.uint8)[None], 3, 'a.png')


VOC = np.array([[0, 15, 15, 255], [0, 0, 7, 255]], np.uint8)


def saved_again(content):
    """Return a palette file as programs save it that read it as colours: indices in the order of frequency."""
    stream = io.BytesIO()
    Image.open(io.BytesIO(content)).convert('RGB').quantize(8).save(stream, 'PNG')
    return stream.getvalue()


def test_a_file_of_voc_that_was_saved_with_another_palette_is_found_out():
    content = encode_index_png(VOC)
    check_voc_palette(VOC, stored_palette(content), 21, 'a.png')
    again = saved_again(content)
    labels = decode_labels(again, 'a.png')
    assert labels.max() < 21
    assert not np.array_equal(labels, VOC)
    check_label_map(labels, 21, 'a.png')
    with pytest.raises(ValueError, match=r"VOC's palette in a\.png, but index \d has the colour of class id \d"):
        check_voc_palette(labels, stored_palette(again), 21, 'a.png')


@pytest.mark.parametrize('num_classes', [2, 21, 200])
def test_two_colours_that_changed_places_are_found_out_where_they_occur(num_classes):
    colors = voc_palette()
    for first, second in ((0, 1), (1, 20), (20, 255), (1, 199), (199, 255), (40, 41)):
        stored = colors.copy()
        stored[[first, second]] = stored[[second, first]]
        for labels in ([[0, 1]], [[20, 0]], [[255, 1]], [[199, 199]], [[40, 0]]):
            # The class whose colour each index has; a colour of no class, and the file is not VOC's at all.
            owners = {i: {first: second, second: first}.get(i, i) for i in labels[0]}
            known = all(owner < num_classes or owner == 255 for owner in owners.values())
            moved = known and any(index != owner for index, owner in owners.items())
            told = pytest.raises(ValueError, match='saved with another palette') if moved else nullcontext()
            with told:
                check_voc_palette(np.array(labels, np.uint8), stored, num_classes, 'a.png')


def test_other_colours_and_none_say_nothing_about_the_ids():
    grey = io.BytesIO()
    Image.fromarray(VOC).save(grey, 'PNG')
    assert stored_palette(grey.getvalue()) is None
    check_voc_palette(VOC, None, 21, 'a.png')
    own = np.random.default_rng(0).integers(1, 31, (256, 3)).astype(np.uint8)
    check_voc_palette(VOC, own, 21, 'a.png')
    # Fewer colours than ids: the file is damaged, which is for others to say.
    check_voc_palette(VOC, own[:3], 21, 'a.png')
