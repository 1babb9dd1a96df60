"""YOLO segmentation: ``images/{split}``, ``labels/{split}`` with a polygon for each object, ``data.yaml``.

A polygon of this format has one ring, so holes are filled; corners are centres of boundary pixels divided by
width and height.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mmseg_gen.engine.export.folder import copy_file
from mmseg_gen.engine.export.samples import ExportSample, read_labels
from mmseg_gen.engine.export.settings import ExportSettings
from mmseg_gen.functional.instances import Instance, find_instances, outline
from mmseg_gen.functional.writing import write_bytes

FOLDERS = ('images/train', 'images/val', 'labels/train', 'labels/val')


def write_sample(out: Path, sample: ExportSample, names: Sequence[str], settings: ExportSettings) -> int:
    """Copy a sample's image, write its polygons, and return their number."""
    labels = read_labels(sample, len(names))
    copy_file(sample.image, out / f'images/{sample.split}/{sample.name}{sample.image.suffix}')
    height, width = labels.shape
    objects = find_instances(labels, 'component', settings.min_area)
    lines = [polygon_line(instance, height, width) for instance in objects]
    write_bytes(out / f'labels/{sample.split}/{sample.name}.txt', ''.join(lines).encode('ascii'))
    return len(objects)


def polygon_line(instance: Instance, height: int, width: int) -> str:
    """Return ``class x1 y1 x2 y2 ...``, classes from 0 and coordinates in (0, 1), newline included.

    At least three corners: readers take a line of five numbers for a box.
    """
    left, top, _, _ = instance.box
    corners = outline(instance.mask) + np.array([left, top])
    numbers = [f'{(x + 0.5) / width:.6f} {(y + 0.5) / height:.6f}' for x, y in corners.tolist()]
    return f'{instance.label - 1} {" ".join(numbers)}\n'


def write_lists(
    out: Path, samples: Sequence[ExportSample], _results: Sequence[int], names: Sequence[str], _set_name: str
) -> None:
    """Write ``data.yaml``; without a split 'val' it names the training images there too, as readers demand one."""
    val = 'val' if any(sample.split == 'val' for sample in samples) else 'train'
    # A JSON text is a YAML scalar, whatever a class is called.
    listed = ''.join(f'  {index}: {json.dumps(name)}\n' for index, name in enumerate(names))
    text = f'# Paths are relative to this file.\ntrain: images/train\nval: images/{val}\nnames:\n{listed}'
    write_bytes(out / 'data.yaml', text.encode('utf-8'))
