"""Scenes in the forms of DUTS, DUT-OMRON and ECSSD: JPEGs, and PNGs of 0 and 255."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mmseg_gen.datasets.converters.label_files import write_once
from mmseg_gen.datasets.layouts.scene_images import encode_jpeg, scene_images
from mmseg_gen.functional.writing import encode_png

# Folders of images and masks, as in the archives of each set.
_FOLDERS = {
    'duts_train': ('DUTS-TR/DUTS-TR-Image', 'DUTS-TR/DUTS-TR-Mask'),
    'duts_test': ('DUTS-TE/DUTS-TE-Image', 'DUTS-TE/DUTS-TE-Mask'),
    'dut_omron': ('DUT-OMRON-image', 'pixelwiseGT-new-PNG'),
    'ecssd': ('images', 'ground_truth_mask'),
}


def write_saliency_scenes(root: str | Path, form: str, count: int, *, size: int = 64) -> dict[str, np.ndarray]:
    """Write scenes with their masks; files of the same content are left as they are.

    Args:
        root: Folder of the data set.
        form: 'duts_train', 'duts_test', 'dut_omron' or 'ecssd'; the two of DUTS share no scene.
        count: Number of images.
        size: Canvas side in pixels.

    Returns:
        The mask of each image by name, bool ``(H, W)``.

    Raises:
        ValueError: ``form`` is another word, or an argument is out of range.
        UserError: A file is there with other content.
    """
    if form not in _FOLDERS:
        raise ValueError(f'Expected `form` from {", ".join(_FOLDERS)}, but got {form!r}.')
    images, masks = (Path(root, folder) for folder in _FOLDERS[form])
    truths = {}
    for scene in scene_images(count, size=size, split_number=int(form == 'duts_train')):
        name = f'{scene.number:04d}'
        truths[name] = scene.labels > 0
        write_once(images / f'{name}.jpg', encode_jpeg(scene.image))
        write_once(masks / f'{name}.png', encode_png(truths[name].astype(np.uint8) * np.uint8(255)))
    return truths
