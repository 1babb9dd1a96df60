"""COCO instances: ``images/`` and ``annotations/instances_{split}.json`` with exact run-length masks.

Run lengths and not polygons: a mask with holes or single pixels comes back bit by bit. ``iscrowd`` is 0, as
each entry is one object; pycocotools, MMDetection and detectron2 (``mask_format='bitmask'``) read it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmseg_gen.engine.export.folder import copy_file
from mmseg_gen.engine.export.samples import ExportSample, read_labels
from mmseg_gen.engine.export.settings import ExportSettings
from mmseg_gen.functional.instances import Instance, find_instances
from mmseg_gen.functional.run_length import compress_runs, run_lengths
from mmseg_gen.functional.writing import write_bytes

FOLDERS = ('images', 'annotations')


def write_sample(out: Path, sample: ExportSample, names: Sequence[str], settings: ExportSettings) -> dict[str, Any]:
    """Copy a sample's image and return its part of the JSON: ``image`` and ``annotations`` without ids."""
    labels = read_labels(sample, len(names))
    file_name = f'{sample.name}{sample.image.suffix}'
    copy_file(sample.image, out / 'images' / file_name)
    height, width = labels.shape
    objects = find_instances(labels, settings.instances, settings.min_area)
    return {
        'image': {
            'id': sample.number,
            'file_name': file_name,
            'height': height,
            'width': width,
            'prompt': sample.prompt,
        },
        'annotations': [_annotation(instance, (height, width), sample.number) for instance in objects],
    }


def _annotation(instance: Instance, size: tuple[int, int], image_id: int) -> dict[str, Any]:
    left, top, _, _ = instance.box
    counts = compress_runs(run_lengths(instance.mask, size, (top, left)).tolist())
    return {
        'image_id': image_id,
        'category_id': instance.label,
        'segmentation': {'size': list(size), 'counts': counts},
        'bbox': list(instance.box),
        'area': instance.area,
        'iscrowd': 0,
    }


def write_lists(
    out: Path,
    samples: Sequence[ExportSample],
    results: Sequence[dict[str, Any]],
    names: Sequence[str],
    set_name: str,
) -> None:
    """Write one JSON file for each split that has samples."""
    categories = [{'id': i, 'name': name, 'supercategory': 'object'} for i, name in enumerate(names, 1)]
    for split in sorted({sample.split for sample in samples}):
        parts = [part for sample, part in zip(samples, results, strict=True) if sample.split == split]
        annotations = [annotation for part in parts for annotation in part['annotations']]
        content = {
            'info': {'description': f'{set_name}: images and masks generated with mmseg_gen', 'version': '1'},
            'licenses': [],
            'images': [part['image'] for part in parts],
            'annotations': [{'id': number, **a} for number, a in enumerate(annotations, 1)],
            'categories': categories,
        }
        write_bytes(out / f'annotations/instances_{split}.json', json.dumps(content).encode('utf-8'))
