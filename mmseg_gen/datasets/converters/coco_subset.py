"""The part of an instances JSON that belongs to a list of images, as COCO20k is given."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from mmseg_gen.datasets.coco_json import read_instances
from mmseg_gen.datasets.converters.label_files import write_once
from mmseg_gen.datasets.listed import check_unique, read_image_list
from mmseg_gen.errors import UserError


def select_images(instances: dict[str, Any], names: Sequence[str]) -> dict[str, Any]:
    """Return instances whose ``images`` are those named, in the order of the names, with their annotations.

    Args:
        instances: Content of an instances JSON; it is left as it is.
        names: File names; folder and suffix may be there or not.

    Raises:
        UserError: A name is not among the images.
    """
    stems = [PurePosixPath(name).stem for name in names]
    by_stem = {PurePosixPath(image['file_name']).stem: image for image in instances['images']}
    missing = [stem for stem in stems if stem not in by_stem]
    if missing:
        raise UserError(
            f'Expected all images of the list among the instances, but {len(missing)} of {len(stems)} are missing, '
            f'the first being {missing[0]}: list and JSON must be of the same split.'
        )
    images = [by_stem[stem] for stem in stems]
    chosen = {image['id'] for image in images}
    annotations = [a for a in instances['annotations'] if a['image_id'] in chosen]
    return {**instances, 'images': images, 'annotations': annotations}


def convert_coco_subset(
    instances_file: str | os.PathLike[str], list_file: str | os.PathLike[str], output: str | os.PathLike[str]
) -> tuple[int, int]:
    """Write the instances JSON of the images that a list names, and return how many images and annotations it has.

    Args:
        instances_file: ``annotations/instances_train2014.json``, for instance.
        list_file: An image name a line.
        output: The file to write; one that is there is left as it is if it has the same content.

    Raises:
        UserError: A file is missing or damaged, an image is named twice or not found, or ``output`` is another file.
    """
    names = read_image_list(list_file)
    check_unique([PurePosixPath(name).stem for name in names], str(list_file))
    subset = select_images(read_instances(instances_file), names)
    write_once(Path(output), json.dumps(subset).encode('utf-8'))
    return len(subset['images']), len(subset['annotations'])
