"""A generated data set drawn by hand: exact masks, no models."""

from __future__ import annotations

import json

import numpy as np
from PIL import Image

from mmseg_gen.functional.manifest import DROPPED, Entry, entry_to_line


def scene(index, size=(20, 30)):
    """Return a bool mask: a square with a hole, and a second, small one apart in every other sample."""
    mask = np.zeros(size, bool)
    mask[3:13, 2 + index % 5 : 14 + index % 5] = True
    mask[6:9, 7:9] = False
    if index % 2:
        mask[16:18, 24:28] = True
    return mask


def write_entry(root, index, class_name, *, size=(20, 30), mask=None, prompt='', reason='', measures=None):
    """Write the files of a sample and return its entry; a dropped one has no mask."""
    name = f'{index:06d}_{class_name.split()[0].lower()}'
    mask = scene(index, size).astype(np.uint8) * 255 if mask is None else mask
    image = np.random.default_rng(index).integers(0, 90, (*size, 3)).astype(np.uint8)
    image[mask > 0] += np.uint8(120)
    files = {}
    pictures = {'image': ('images', image)} if reason else {'image': ('images', image), 'mask': ('masks', mask)}
    for kind, (folder, pixels) in pictures.items():
        path = root / folder / f'{name}.png'
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path)
        files[kind] = (str(path.relative_to(root)), path.stat().st_size)
    if reason.startswith('failed'):
        files = {}
    measures = {'area': float((mask > 0).mean()), **(measures or {})}
    status = {'status': DROPPED, 'reason': reason} if reason else {}
    return Entry(
        index, name, class_name, prompt or f'a photo of a {class_name}', index, files=files, measures=measures, **status
    )


def write_set(root, classes=('dog', 'fire engine'), count=6, **options):
    """Write a set of ``count`` samples, classes in turn, and return its folder."""
    root.mkdir(parents=True, exist_ok=True)
    entries = [write_entry(root, i, classes[i % len(classes)], **options) for i in range(count)]
    return finish_set(root, entries)


def finish_set(root, entries):
    """Write manifest and settings."""
    (root / 'manifest.jsonl').write_text(''.join(map(entry_to_line, entries)), encoding='utf-8')
    settings = {'generator': 'drawn', 'steps': 3}
    (root / 'meta.json').write_text(json.dumps({'format': 1, 'settings': settings}), encoding='utf-8')
    return root
