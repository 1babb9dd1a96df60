"""COCO's instances JSON to label maps of 80 classes and background."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from mmseg_gen.datasets.coco_json import class_indices, group_by_image, read_instances
from mmseg_gen.datasets.converters.instance_masks import decode_instance, require_pycocotools
from mmseg_gen.datasets.converters.label_files import Written, write_label_maps
from mmseg_gen.datasets.label_reading import IGNORED
from mmseg_gen.datasets.listed import check_unique
from mmseg_gen.errors import UserError


def draw_labels(
    annotations: Sequence[Mapping[str, Any]], size: tuple[int, int], indices: Mapping[int, int]
) -> np.ndarray:
    """Return the label map of one image, uint8 ``(H, W)``.

    Where instances overlap, the one with fewer pixels is on top, and of two with as many the later one: annotators
    outlined large objects (tables, people) through what stands before them [ours; COCO defines no order]. Crowds
    become 255, under the instances.

    Args:
        annotations: The image's entries of the instances JSON.
        size: H, W of the image.
        indices: Label by category id, 1 to 80.

    Raises:
        UserError: An annotation cannot be decoded.
    """
    crowds, instances = [], []
    for annotation in annotations:
        where = f'annotation {annotation.get("id")} of image {annotation["image_id"]}'
        pixels = decode_instance(annotation.get('segmentation'), size, where)
        if annotation.get('iscrowd', 0):
            crowds.append(pixels)
        else:
            instances.append((pixels, indices[annotation['category_id']]))
    labels = np.zeros(size, np.uint8)
    for pixels in crowds:
        labels[pixels] = IGNORED
    for pixels, label in sorted(instances, key=lambda item: -int(item[0].sum())):
        labels[pixels] = label
    return labels


def convert_coco_object(instances_file: str | os.PathLike[str], folder: str | os.PathLike[str]) -> Written:
    """Write a label map ``folder/NAME.png`` for each image of an instances JSON; see :func:`draw_labels`.

    Images without annotations get a map of background. Files that are there are left as they are, so an interrupted
    run goes on.

    Args:
        instances_file: ``annotations/instances_val2017.json``, for instance.
        folder: ``object_labels/val2017``, for instance.

    Raises:
        UserError: pycocotools is not installed, or the JSON is missing, damaged or of another form.
    """
    require_pycocotools()
    content = read_instances(instances_file)
    indices, groups = class_indices(content, instances_file), group_by_image(content, instances_file)
    names = [PurePosixPath(image['file_name']).stem for image in content['images']]
    check_unique(names, str(instances_file))
    images = dict(zip(names, content['images'], strict=True))

    def draw(name: str) -> np.ndarray:
        image = images[name]
        try:
            return draw_labels(groups[image['id']], (image['height'], image['width']), indices)
        except (UserError, KeyError) as error:
            raise UserError(f'Expected complete instances of {name} in {instances_file}, but got: {error}') from error

    return write_label_maps(Path(folder), names, draw)
