"""Images that came to MMSegmentation as arrays, for refinement."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from mmseg.structures import SegDataSample

from mmseg_gen.refiners.data_samples import image_of, keep_arrays


def packed(height: int, width: int, **known) -> tuple[torch.Tensor, SegDataSample]:
    """Return a picture, blue above and red below, as a pipeline packs it, and its sample."""
    pixels = torch.zeros(3, height, width, dtype=torch.uint8)
    pixels[0, : height // 2], pixels[2, height // 2 :] = 200, 200
    return pixels, SegDataSample(metainfo={'img_path': None, 'ori_shape': (height, width), **known})


def test_arrays_become_rgb_at_their_own_size():
    same, small = packed(4, 6), packed(4, 6, ori_shape=(8, 18))
    keep_arrays(*zip(same, small, strict=True))
    expected = np.zeros((4, 6, 3), np.uint8)
    expected[:2, :, 2], expected[2:, :, 0] = 200, 200
    assert (image_of(same[1]) == expected).all()
    large = image_of(small[1])
    assert large.shape == (8, 18, 3)
    assert (large[0] == (0, 0, 200)).all()
    assert (large[-1] == (200, 0, 0)).all()


def test_samples_of_files_and_normalised_inputs_stay_as_they_are():
    pixels, of_file = packed(4, 6, img_path='a.png')
    keep_arrays([pixels], [of_file])
    assert 'ori_img' not in of_file.metainfo
    pixels, of_floats = packed(4, 6)
    keep_arrays([pixels.float()], [of_floats])
    with pytest.raises(ValueError, match=r"from which the image is read again .* but got \['ori_shape'\]"):
        image_of(of_floats)
