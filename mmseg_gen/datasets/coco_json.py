"""COCO's instances JSON: reading, and its 80 classes in index order."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmseg.datasets import COCOStuffDataset

from mmseg_gen.errors import UserError

# The first 80 of COCO-Stuff are COCO's object classes, in the order of their ids.
COCO_OBJECT_CLASSES: tuple[str, ...] = ('background', *COCOStuffDataset.METAINFO['classes'][:80])
_KEYS = {'images': ('id', 'file_name'), 'annotations': ('image_id', 'category_id'), 'categories': ('id', 'name')}


def read_json(path: str | os.PathLike[str], what: str) -> Any:
    """Return the content of a JSON file.

    Raises:
        UserError: There is no such file, or it is damaged.
    """
    file = Path(path)
    if not file.is_file():
        raise UserError(f'Expected {what}, but there is no file {file}.')
    try:
        return json.loads(file.read_bytes())
    except ValueError as error:
        raise UserError(f'Expected {what} in {file}, but it is not complete JSON ({error}): fetch it again.') from error


def check_records(content: Any, keys: dict[str, tuple[str, ...]], path: str | os.PathLike[str]) -> None:
    """Check that a JSON object has lists of records with the keys that are needed.

    Raises:
        UserError: A list or a key is missing.
    """
    for name, fields in keys.items():
        records = content.get(name) if isinstance(content, dict) else None
        if not isinstance(records, list):
            raise UserError(f'Expected a list `{name}` in {path}, but got none: is this the right file?')
        for i, record in enumerate(records):
            if not isinstance(record, dict) or any(field not in record for field in fields):
                raise UserError(f'Expected {", ".join(fields)} in {name}[{i}] of {path}, but got {str(record)[:80]}.')


def read_instances(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Return an instances JSON with ``images``, ``annotations`` and ``categories``.

    Raises:
        UserError: The file is missing, damaged, or is of another form.
    """
    content = read_json(path, 'COCO instances (instances_*.json)')
    check_records(content, _KEYS, path)
    return content


def class_indices(
    instances: dict[str, Any], path: str | os.PathLike[str], classes: Sequence[str] = COCO_OBJECT_CLASSES
) -> dict[int, int]:
    """Return the index in ``classes`` by category id: COCO's ids have gaps, so names decide.

    Raises:
        UserError: A category has an unknown name.
    """
    indices = {name: i for i, name in enumerate(classes)}
    unknown = [c['name'] for c in instances['categories'] if c['name'] not in indices]
    if unknown:
        raise UserError(f'Expected categories of COCO in {path}, but got {", ".join(map(str, unknown[:5]))}.')
    return {c['id']: indices[c['name']] for c in instances['categories']}


def group_by_image(instances: dict[str, Any], path: str | os.PathLike[str]) -> dict[int, list[dict[str, Any]]]:
    """Return the annotations of each image by its id, in the order of the file.

    Raises:
        UserError: An annotation belongs to no image or no category of the file.
    """
    groups: dict[int, list[dict[str, Any]]] = {image['id']: [] for image in instances['images']}
    known = {category['id'] for category in instances['categories']}
    for i, annotation in enumerate(instances['annotations']):
        if annotation['image_id'] not in groups or annotation['category_id'] not in known:
            raise UserError(
                f'Expected image and category of annotations[{i}] in {path}, but got image '
                f'{annotation["image_id"]!r} and category {annotation["category_id"]!r}: the file is not complete.'
            )
        groups[annotation['image_id']].append(annotation)
    return groups
