from __future__ import annotations

import numpy as np
import pytest

from mmseg_gen.functional.style_stack import StyleStack


def draw(count=5):
    return np.random.default_rng(0).integers(0, 256, (count, 6, 9, 3)).astype(np.uint8)


def test_batches_of_any_size_give_the_same_stack():
    images = draw()
    for size in (1, 2, 5):
        batches = (images[i : i + size] for i in range(0, 5, size))
        np.testing.assert_array_equal(StyleStack.collect(batches, 5).images, images)


def test_a_stored_stack_reads_back_exactly(tmp_path):
    stack = StyleStack(draw())
    stack.save(tmp_path / 's.npz')
    assert [path.name for path in tmp_path.iterdir()] == ['s.npz']
    for twin in (StyleStack.load(tmp_path / 's.npz'), stack.stored()):
        np.testing.assert_array_equal(twin.images, stack.images)


def test_wrong_numbers_and_sizes_are_refused():
    images = draw()
    for batches, count in (([images], 4), ([images], 6), ([], 1), ([images[:2], images[2:, :3]], 5)):
        with pytest.raises(ValueError, match='images'):
            StyleStack.collect(batches, count)
    with pytest.raises(TypeError, match='uint8'):
        StyleStack(images.astype(np.float32))
    for bad in (images[0], images[..., :2], images[:0]):
        with pytest.raises(ValueError, match=r'\(n, H, W, 3\)'):
            StyleStack(bad)


def test_damaged_and_foreign_files_are_refused(tmp_path):
    StyleStack(draw()).save(tmp_path / 's.npz')
    whole = (tmp_path / 's.npz').read_bytes()
    (tmp_path / 'cut.npz').write_bytes(whole[: len(whole) // 2])
    np.savez(tmp_path / 'other.npz', cross=np.zeros(3))
    np.savez(tmp_path / 'pickled.npz', style_stack=np.array([{}], object))
    for name in ('cut.npz', 'other.npz', 'pickled.npz'):
        with pytest.raises(ValueError, match='style stack'):
            StyleStack.load(tmp_path / name)
    with pytest.raises(FileNotFoundError):
        StyleStack.load(tmp_path / 'none.npz')
