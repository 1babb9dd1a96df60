"""PASCAL VOC: JPEGImages, SegmentationClass with VOC's palette, Annotations with boxes, ImageSets.

Images are stored as JPEG of quality 95 without chroma subsampling, since readers of VOC look for ``.jpg``.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from xml.sax.saxutils import escape

import numpy as np
from PIL import Image

from mmseg_gen.engine.export.folder import is_current
from mmseg_gen.engine.export.samples import ExportSample, read_labels
from mmseg_gen.engine.export.settings import ExportSettings
from mmseg_gen.functional.instances import Instance, find_instances
from mmseg_gen.functional.palette import voc_palette
from mmseg_gen.functional.writing import write_atomically, write_bytes

FOLDERS = ('JPEGImages', 'SegmentationClass', 'Annotations', 'ImageSets/Segmentation', 'ImageSets/Main')
_JPEG = {'format': 'JPEG', 'quality': 95, 'subsampling': 0}


def write_sample(out: Path, sample: ExportSample, names: Sequence[str], settings: ExportSettings) -> int:
    """Write image, mask and boxes of a sample and return its number of objects."""
    labels = read_labels(sample, len(names))
    image, mask = out / f'JPEGImages/{sample.name}.jpg', out / f'SegmentationClass/{sample.name}.png'
    if not is_current(image, sample.image):
        with Image.open(sample.image) as pixels:
            rgb = pixels.convert('RGB')
        write_atomically(image, lambda partial: rgb.save(partial, **_JPEG))
    if not is_current(mask, sample.mask):
        write_atomically(mask, lambda partial: _save_labels(labels, partial))
    objects = find_instances(labels, settings.instances, settings.min_area)
    text = annotation(sample.name, labels.shape, objects, names)
    write_bytes(out / f'Annotations/{sample.name}.xml', text.encode('utf-8'))
    return len(objects)


def annotation(name: str, size: Sequence[int], objects: Sequence[Instance], names: Sequence[str]) -> str:
    """Return VOC's XML of one image; boxes count pixels from 1 and include both ends.

    Args:
        name: Stem of its files.
        size: Height and width.
        objects: Objects in it.
        names: Names of the labels 1, 2, ...
    """
    height, width = size
    items = [_object(instance, names[instance.label - 1], height, width) for instance in objects]
    return (
        f'<annotation>\n<folder>JPEGImages</folder>\n<filename>{escape(name)}.jpg</filename>\n'
        f'<size><width>{width}</width><height>{height}</height><depth>3</depth></size>\n<segmented>1</segmented>\n'
        + ''.join(items)
        + '</annotation>\n'
    )


def _object(instance: Instance, name: str, height: int, width: int) -> str:
    left, top, wide, high = instance.box
    truncated = int(left == 0 or top == 0 or left + wide == width or top + high == height)
    box = {'xmin': left + 1, 'ymin': top + 1, 'xmax': left + wide, 'ymax': top + high}
    corners = ''.join(f'<{key}>{value}</{key}>' for key, value in box.items())
    return (
        f'<object><name>{escape(name)}</name><pose>Unspecified</pose><truncated>{truncated}</truncated>'
        f'<difficult>0</difficult><bndbox>{corners}</bndbox></object>\n'
    )


def write_lists(
    out: Path, samples: Sequence[ExportSample], _results: Sequence[int], names: Sequence[str], _set_name: str
) -> None:
    """Write the lists of both splits and ``classes.txt``: a line for each label, background first."""
    listed = {
        'train': [s.name for s in samples if s.split == 'train'],
        'val': [s.name for s in samples if s.split == 'val'],
        'trainval': [s.name for s in samples],
    }
    for split, stems in listed.items():
        for folder in ('Segmentation', 'Main'):
            write_bytes(out / f'ImageSets/{folder}/{split}.txt', ''.join(f'{s}\n' for s in stems).encode('utf-8'))
    write_bytes(out / 'classes.txt', ''.join(f'{n}\n' for n in ('background', *names)).encode('utf-8'))


def _save_labels(labels: np.ndarray, path: Path) -> None:
    image = Image.fromarray(labels)
    image.putpalette(voc_palette().tobytes())
    image.save(path, format='PNG')
