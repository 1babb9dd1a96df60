from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from mmseg_gen.functional.writing import create_file, encode_png, write_atomically


def test_png_reads_back_in_another_library():
    rng = np.random.default_rng(0)
    for shape in ((5, 7, 3), (5, 7)):
        pixels = rng.integers(0, 256, shape).astype(np.uint8)
        assert np.array_equal(np.asarray(Image.open(io.BytesIO(encode_png(pixels)))), pixels)
        assert encode_png(pixels) == encode_png(pixels.copy())


@pytest.mark.parametrize('pixels', [np.zeros((4, 4)), np.zeros((4, 4, 4), np.uint8), np.zeros((0, 4, 3), np.uint8)])
def test_other_arrays_are_refused(pixels):
    with pytest.raises(ValueError, match='Expected `pixels`'):
        encode_png(pixels)


def test_a_failed_write_leaves_the_file_as_it_was(tmp_path):
    path = tmp_path / 'a.txt'
    assert write_atomically(path, lambda partial: partial.write_text('old')) == 3

    def fail(partial):
        partial.write_text('ne')
        raise OSError('disk full')

    with pytest.raises(OSError, match='disk full'):
        write_atomically(path, fail)
    assert path.read_text() == 'old'
    assert [p.name for p in tmp_path.iterdir()] == ['a.txt']
    assert write_atomically(path, lambda partial: partial.write_text('newer')) == 5
    assert [p.name for p in tmp_path.iterdir()] == ['a.txt']


def test_a_file_is_created_once(tmp_path):
    create_file(tmp_path / 'a.txt', b'first')
    with pytest.raises(FileExistsError):
        create_file(tmp_path / 'a.txt', b'second')
    assert (tmp_path / 'a.txt').read_bytes() == b'first'
