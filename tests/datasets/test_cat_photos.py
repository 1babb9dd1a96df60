from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from mmseg_gen.datasets.cat_photos import SPLITS, cat_photo, write_cat_photos
from mmseg_gen.datasets.folder import FolderDataset
from mmseg_gen.generators.embedded.cat_factors import NAMES
from mmseg_gen.generators.embedded.cats import render_cats


def test_a_cat_is_that_of_its_number():
    factors = np.random.default_rng([SPLITS['test'], 3]).random(len(NAMES), np.float32)
    image, labels = render_cats(torch.from_numpy(factors)[None], 32)
    photo, mask = cat_photo(3, size=32)
    assert np.abs(photo / 127.5 - 1 - image[0].permute(1, 2, 0).numpy()).max() < 1 / 255 + 1e-6
    assert np.array_equal(mask, labels[0].numpy() > 0)
    assert 0 < mask.mean() < 1
    assert not np.array_equal(photo, cat_photo(3, 'train', 32)[0])
    assert not np.array_equal(photo, cat_photo(4, size=32)[0])


def test_the_folder_is_read_by_its_data_set_and_grows(tmp_path):
    write_cat_photos(tmp_path, 2, size=16)
    first = tmp_path / 'test/images/cat_000000.png'
    before = first.stat().st_mtime_ns
    write_cat_photos(tmp_path, 3, size=16)
    assert first.stat().st_mtime_ns == before
    prefix = dict(img_path='test/images', seg_map_path='test/masks')
    data = FolderDataset(data_root=str(tmp_path), data_prefix=prefix, pipeline=[], serialize_data=False)
    assert len(data) == 3
    for number, info in enumerate(data.load_data_list()):
        image, mask = cat_photo(number, size=16)
        assert np.array_equal(np.asarray(Image.open(info['img_path'])), image)
        assert np.array_equal(np.asarray(Image.open(info['seg_map_path'])), 255 * mask)


def test_wrong_arguments_are_named(tmp_path):
    with pytest.raises(ValueError, match='split'):
        cat_photo(0, 'val')
    with pytest.raises(ValueError, match='count'):
        write_cat_photos(tmp_path, 0)
