"""Files of every common kind become 8-bit RGB."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from mmseg_gen.datasets.image_reading import check_photo, list_images, model_size, read_image
from mmseg_gen.errors import UserError


@pytest.fixture
def pixels():
    return np.random.default_rng(0).integers(0, 256, (12, 17, 3), dtype=np.uint8)


def test_rgb_comes_back_as_written(tmp_path, pixels):
    Image.fromarray(pixels).save(tmp_path / 'a.png')
    read = read_image(tmp_path / 'a.png')
    assert read.dtype == np.uint8
    assert np.array_equal(read, pixels)
    assert np.array_equal(read_image(str(tmp_path / 'a.png')), pixels)


def test_grey_becomes_three_equal_channels(tmp_path, pixels):
    Image.fromarray(pixels[..., 0]).save(tmp_path / 'a.png')
    assert np.array_equal(read_image(tmp_path / 'a.png'), np.stack([pixels[..., 0]] * 3, -1))


@pytest.mark.parametrize('suffix', ['png', 'tif'])
def test_16_bit_grey_is_scaled_by_its_full_range(tmp_path, suffix):
    values = np.full((10, 12), 257 * 100, np.uint16)
    values[0, 0], values[0, 1], values[0, 2] = 65535, 0, 257 * 7 + 128
    Image.fromarray(values).save(tmp_path / f'a.{suffix}')
    read = read_image(tmp_path / f'a.{suffix}')
    assert read.dtype == np.uint8
    assert read.shape == (10, 12, 3)
    assert read[0, :3, 0].tolist() == [255, 0, 7]
    assert (read[1:] == 100).all()


def test_16_bit_rgb_is_scaled(tmp_path, pixels):
    cv2 = pytest.importorskip('cv2')
    cv2.imwrite(str(tmp_path / 'a.png'), pixels[..., ::-1].astype(np.uint16) * 257)
    assert np.array_equal(read_image(tmp_path / 'a.png'), pixels)


def test_wider_values_are_refused(tmp_path):
    Image.fromarray(np.full((9, 9), 0.5, np.float32)).save(tmp_path / 'a.tif')
    with pytest.raises(UserError, match='Expected 8 or 16 bits per channel'):
        read_image(tmp_path / 'a.tif')
    Image.fromarray(np.full((9, 9), 70000, np.int32)).save(tmp_path / 'b.tif')
    with pytest.raises(UserError, match='70000'):
        read_image(tmp_path / 'b.tif')


def test_transparent_pixels_lie_on_white(tmp_path):
    rgba = np.zeros((9, 9, 4), np.uint8)
    rgba[..., 0], rgba[..., 3] = 200, 255
    rgba[0, :, 3], rgba[1, :, 3] = 0, 51
    Image.fromarray(rgba).save(tmp_path / 'a.png')
    read = read_image(tmp_path / 'a.png')
    assert read[0, 0].tolist() == [255, 255, 255]
    assert read[1, 0].tolist() == [244, 204, 204]  # 0.2 * 200 + 0.8 * 255, 0.8 * 255
    assert read[2, 0].tolist() == [200, 0, 0]


def test_palette_with_a_transparent_colour_and_cmyk_are_read(tmp_path, pixels):
    palette = Image.fromarray(np.eye(9, dtype=np.uint8))
    palette.putpalette([10, 20, 30, 40, 50, 60])
    palette.save(tmp_path / 'a.png', transparency=1)
    read = read_image(tmp_path / 'a.png')
    assert read[0, 1].tolist() == [10, 20, 30]
    assert read[0, 0].tolist() == [255, 255, 255]
    Image.fromarray(pixels).convert('CMYK').save(tmp_path / 'b.tif')
    assert np.array_equal(read_image(tmp_path / 'b.tif'), pixels)


def test_exif_orientation_is_applied(tmp_path, pixels):
    image = Image.fromarray(pixels)
    exif = image.getexif()
    exif[0x0112] = 6  # shown after a quarter turn clockwise
    image.save(tmp_path / 'a.png', exif=exif)
    assert np.array_equal(read_image(tmp_path / 'a.png'), np.rot90(pixels, -1))


@pytest.mark.parametrize('suffix', ['png', 'jpg', 'bmp', 'tif'])
def test_truncated_file_gets_one_sentence(tmp_path, pixels, suffix):
    whole = tmp_path / f'whole.{suffix}'
    Image.fromarray(np.tile(pixels, (9, 9, 1))).save(whole)
    cut = tmp_path / f'cut.{suffix}'
    content = whole.read_bytes()
    cut.write_bytes(content[: len(content) // 2])
    with pytest.raises(UserError, match=f'cut.{suffix} (is truncated|is not one)'):
        read_image(cut)


def test_what_is_no_image_gets_one_sentence(tmp_path):
    (tmp_path / 'a.png').write_text('hello')
    (tmp_path / 'b.png').touch()
    for name in 'ab':
        with pytest.raises(UserError, match='is not one that Pillow can read'):
            read_image(tmp_path / f'{name}.png')
    for missing in (tmp_path / 'c.png', tmp_path):
        with pytest.raises(FileNotFoundError, match='Expected an image file'):
            read_image(missing)


def test_folder_lists_images_only(tmp_path, pixels):
    for name in ('b.PNG', 'a.png', 'notes.txt', '.hidden.png'):
        (tmp_path / name).touch()
    (tmp_path / 'folder.png').mkdir()
    assert [p.name for p in list_images(tmp_path)] == ['a.png', 'b.PNG']
    (tmp_path / 'empty').mkdir()
    with pytest.raises(UserError, match=r'Expected at least one image .* found none'):
        list_images(tmp_path / 'empty')


@pytest.mark.parametrize('bad', [None, [[0]], np.zeros((9, 9, 3)), np.zeros((9, 9, 3), bool)])
def test_other_types_are_refused(bad):
    with pytest.raises(TypeError, match='Expected `image` to be a uint8 array'):
        check_photo(bad)


@pytest.mark.parametrize(
    ('shape', 'text'),
    [
        ((9, 9), r'shape \(H, W, 3\), but got \(9, 9\)'),
        ((9, 9, 4), r'but got \(9, 9, 4\)'),
        ((300, 1, 3), 'at least 8 x 8 pixels, but got 1 x 300'),
        ((7, 300, 3), 'but got 300 x 7'),
    ],
)
def test_other_shapes_are_refused(shape, text):
    with pytest.raises(ValueError, match=text):
        check_photo(np.zeros(shape, np.uint8))


@pytest.mark.parametrize(
    ('size', 'expected'),
    [
        ((512, 512), (512, 512)),
        ((300, 400), (384, 512)),
        ((400, 300), (512, 384)),
        ((37, 37), (512, 512)),
        ((8, 8000), (128, 512)),
        ((8000, 1000), (512, 128)),
        ((100, 101), (512, 512)),
    ],
)
def test_model_size(size, expected):
    assert model_size(size, 512, 64) == expected


def test_model_size_fits_every_level_and_keeps_the_aspect():
    rng = np.random.default_rng(1)
    for height, width in rng.integers(8, 9000, (200, 2)):
        h, w = model_size((height, width), 512, 64)
        assert h % 64 == w % 64 == 0
        assert max(h, w) == 512
        assert (h >= w) if height > width else (h <= w)
        wanted = min(4.0, max(height, width) / min(height, width))
        assert abs(min(h, w) - 512 / wanted) <= 32
    with pytest.raises(ValueError, match='multiple of 16, but got 60'):
        model_size((9, 9), 60, 16)
