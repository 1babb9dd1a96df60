import cv2
import numpy as np
import pytest

from mmseg_gen.functional.canvas import check_image, color_planes, limited_size, resize_labels, resize_map, resize_mask


def test_enlarging_equals_torch_bilinear():
    torch = pytest.importorskip('torch')
    array = np.random.default_rng(0).random((5, 7), np.float32)
    tensor = torch.from_numpy(array)[None, None]
    expected = torch.nn.functional.interpolate(tensor, (13, 20), mode='bilinear', align_corners=False)[0, 0]
    np.testing.assert_allclose(resize_map(array, (13, 20)), expected, atol=1e-5)


def test_shrinking_takes_the_mean_of_blocks():
    array = np.random.default_rng(0).random((6, 8), np.float32)
    np.testing.assert_allclose(resize_map(array, (3, 2)), array.reshape(3, 2, 2, 4).mean((1, 3)), atol=1e-6)


@pytest.mark.parametrize('channels', [1, 2, 5, 171])
@pytest.mark.parametrize('size', [(3, 2), (13, 20)])
def test_any_number_of_channels_is_resized_plane_by_plane(channels, size):
    array = np.random.default_rng(0).random((6, 8, channels), np.float32)
    resized = resize_map(array, size)
    assert resized.shape == (*size, channels)
    for k in range(channels):
        np.testing.assert_allclose(resized[..., k], resize_map(np.ascontiguousarray(array[..., k]), size), atol=1e-6)


def test_the_same_size_gives_an_equal_copy():
    array = np.random.default_rng(0).random((6, 8), np.float32)
    copy = resize_map(array, (6, 8))
    assert np.array_equal(copy, array)
    assert not np.shares_memory(copy, array)


def test_a_mask_survives_enlarging_and_shrinking():
    mask = np.random.default_rng(0).random((6, 8)) > 0.5
    assert (resize_mask(resize_mask(mask, (24, 32)), (6, 8)) == mask).all()
    # Half a cell is no more than one half.
    assert resize_mask(np.array([[1, 0, 1, 1], [1, 0, 1, 0]], bool), (1, 2)).tolist() == [[False, True]]


@pytest.mark.parametrize(
    ('size', 'limit', 'expected'),
    [((8, 6), 10, (8, 6)), ((8, 6), None, (8, 6)), ((1, 8000), 100, (1, 100)), ((400, 200), 100, (100, 50))],
)
def test_limited_size(size, limit, expected):
    assert limited_size(size, limit) == expected


def test_lab_planes_of_white_black_and_a_known_red():
    image = np.array([[[255, 255, 255], [0, 0, 0], [255, 0, 0]]], np.uint8)
    # Red in CIELAB (D65, sRGB): 53.24, 80.09, 67.20 (Lindbloom).
    expected = [[1, 0, 0], [0, 0, 0], [0.5324, 0.8009, 0.6720]]
    np.testing.assert_allclose(color_planes(image)[0], expected, atol=5e-3)


def test_rgb_planes_are_fractions():
    image = np.random.default_rng(0).integers(0, 256, (4, 5, 3), np.uint8)
    np.testing.assert_allclose(color_planes(image, 'rgb'), image / 255, atol=1e-6)


def test_bad_images_and_spaces_are_refused():
    good = np.zeros((4, 5, 3), np.uint8)
    check_image(good)
    for bad in (good.astype(np.uint16), good.astype(np.float32), good.tolist()):
        with pytest.raises(TypeError, match='`image` to be a uint8 array'):
            check_image(bad)
    for bad in (good[..., 0], np.zeros((4, 5, 4), np.uint8), good[:0]):
        with pytest.raises(ValueError, match='`image` of shape'):
            check_image(bad)
    with pytest.raises(ValueError, match='`color_space`'):
        color_planes(good, 'hsv')


@pytest.mark.parametrize('size', [(23, 31), (5, 7), (11, 17), (40, 9)])
def test_resized_labels_have_the_largest_share(size):
    rng = np.random.default_rng(1)
    labels = rng.choice([0, 2, 5], (11, 17)).astype(np.uint8)
    shrinks = size[0] <= 11 and size[1] <= 17
    how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    shares = [cv2.resize((labels == v).astype(np.float32), size[::-1], interpolation=how) for v in (0, 2, 5)]
    expected = np.array([0, 2, 5])[np.argmax(shares, 0)]
    found = resize_labels(labels, size)
    np.testing.assert_array_equal(found, expected)
    assert found.dtype == np.uint8


def test_two_resized_labels_are_a_resized_mask():
    mask = np.random.default_rng(2).random((11, 17)) > 0.6
    np.testing.assert_array_equal(resize_labels(mask.astype(np.uint8), (20, 33)) > 0, resize_mask(mask, (20, 33)))
