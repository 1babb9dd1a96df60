"""Drawn chest pictures in the form of MS-CXR: a COCO-like JSON, a CSV, and JPEGs in MIMIC-CXR-JPG's folders."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from mmseg_gen.datasets.converters.label_files import write_once
from mmseg_gen.datasets.layouts.scene_images import encode_jpeg

NAME = 'MS_CXR_Local_Alignment_v1.1.0'
CATEGORIES = ('Pneumonia', 'Pleural Effusion')
_SPLITS = ('train', 'test')
# As the picture shows them, in the order in which spots are drawn: not that of the alphabet.
_SIDES = ('seen on the left', 'another on the right')


def write_ms_cxr_scenes(
    root: str | Path, count: int, *, size: int = 64, phrase_a_spot: bool = False
) -> dict[str, list[tuple[int, int, int, int]]]:
    """Write pictures of two lungs with one or two bright spots, whose rectangles are exact.

    Args:
        root: Folder of the data set; images go to ``files`` in it.
        count: Number of images, at least 1.
        size: Width in pixels, at least 32; pictures are a quarter higher.
        phrase_a_spot: Whether each spot has a phrase of its own, instead of one for all of an image.

    Returns:
        x1, y1, x2, y2 of each spot, half-open, by the image's stem.

    Raises:
        ValueError: An argument is out of range.
        UserError: A file is there with other content.
    """
    if count < 1 or size < 32:
        raise ValueError(f'Expected `count` of at least 1 and `size` of at least 32, but got {count} and {size}.')
    folder, truths = Path(root), {}
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for number in range(count):
        picture, truths_here = _draw(np.random.default_rng(number), size, 1 + number % 2)
        stem = f'{number:08x}-02aa804e'
        path = f'files/p10/p1000{number:04d}/s5000{number:04d}/{stem}.jpg'
        truths[stem] = truths_here
        height, width = picture.shape[:2]
        write_once(folder / path, encode_jpeg(picture))
        images.append({'id': number, 'file_name': f'{stem}.jpg', 'path': path, 'width': width, 'height': height})
        for spot, (x1, y1, x2, y2) in enumerate(truths_here):
            text = f'opacity number {number}' + (f', {_SIDES[spot]}' if phrase_a_spot else '')
            annotations.append(
                {'id': len(annotations), 'image_id': number, 'category_id': 1 + number % 2, 'height': height}
                | {'bbox': [x1, y1, x2 - x1, y2 - y1], 'width': width, 'label_text': text}
            )
    categories = [{'id': i, 'name': name} for i, name in enumerate(CATEGORIES, 1)]
    content = {'images': images, 'annotations': annotations, 'categories': categories}
    write_once(folder / f'{NAME}.json', json.dumps(content, indent=1).encode())
    write_once(folder / f'{NAME}.csv', _csv(images, annotations))
    return truths


def _draw(rng: np.random.Generator, width: int, spots: int) -> tuple[np.ndarray, list[tuple[int, int, int, int]]]:
    height = width * 5 // 4
    picture = np.full((height, width, 3), 150, np.uint8)
    boxes = []
    for side in range(2):
        center = (width * (1 + 2 * side) // 4, height // 2)
        cv2.ellipse(picture, center, (width // 6, height // 3), 0, 0, 360, (40, 40, 40), -1)
        if side < spots:
            spot_width, spot_height = (int(v) for v in rng.integers(width // 10, width // 5, 2))
            x, y = center[0] - spot_width // 2, center[1] + int(rng.integers(-height // 6, height // 6))
            cv2.rectangle(picture, (x, y), (x + spot_width - 1, y + spot_height - 1), (210, 210, 210), -1)
            boxes.append((x, y, x + spot_width, y + spot_height))
    return picture, boxes


def _csv(images: list[dict[str, Any]], annotations: list[dict[str, Any]]) -> bytes:
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator='\n')
    heading = ['dicom_id', 'category_name', 'label_text', 'path', 'x', 'y', 'w', 'h']
    writer.writerow([*heading, 'image_width', 'image_height', 'split'])
    for item in annotations:
        image = images[item['image_id']]
        stem, split = image['file_name'].removesuffix('.jpg'), _SPLITS[image['id'] % 2]
        head = [stem, CATEGORIES[item['category_id'] - 1], item['label_text'], image['path']]
        writer.writerow([*head, *item['bbox'], image['width'], image['height'], split])
    return stream.getvalue().encode()
