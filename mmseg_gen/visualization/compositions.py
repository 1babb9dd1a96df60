"""Objects cut out by their masks and laid on other images: a wrong border is seen at once (Feng et al., Fig. 8)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mmseg_gen.datasets.image_reading import read_image
from mmseg_gen.functional.canvas import resize_map
from mmseg_gen.functional.composition import compose_images
from mmseg_gen.functional.manifest import KEPT, Entry
from mmseg_gen.functional.scene_evidence import load_evidence
from mmseg_gen.functional.style_stack import StyleStack
from mmseg_gen.visualization.report_page import Part, note, plots
from mmseg_gen.visualization.report_pictures import Picture, data_picture
from mmseg_gen.visualization.report_samples import read_mask

COUNT = 6
_NOTE = (
    'Objects cut out by their masks, without feathering, on a variation of their own image where the set keeps them, '
    'else on the image of another sample.'
)


def composition_part(root: Path, entries: Sequence[Entry], count: int = COUNT) -> Part | None:
    """Return a part of the report with compositions of kept samples at even steps; None where none can be made.

    Args:
        root: Folder of the data set.
        entries: Its manifest.
        count: Pictures at most.
    """
    usable = [e for e in entries if e.status == KEPT and {'image', 'mask'} <= set(e.files)]
    steps = np.linspace(0, len(usable) - 1, min(count, len(usable))).round().astype(int)
    pictures = []
    for index in steps:
        other = usable[(index + 1) % len(usable)]
        try:
            pictures.append(_composition(root, usable[index], other))
        except (ValueError, OSError):
            continue  # the sample's own card says what is wrong with its files
    return Part('Compositions', note(_NOTE) + plots(pictures)) if pictures else None


def _composition(root: Path, entry: Entry, other: Entry) -> Picture:
    image, labels = (read(root / entry.files[kind][0]) for kind, read in (('image', read_image), ('mask', read_mask)))
    background, where = _variation(root, entry), 'a variation of its own image'
    if background is None:
        background, where = read_image(root / other.files['image'][0]), f'the image of {other.name}'
    ground = resize_map(background, (image.shape[0], image.shape[1]))
    made = compose_images(image, (labels > 0) & (labels < 255), ground)
    return data_picture(made, entry.name, f'{entry.class_name} of {entry.name}, cut out by its mask, on {where}')


def _variation(root: Path, entry: Entry) -> np.ndarray | None:
    if 'evidence' not in entry.files:
        return None
    evidence = load_evidence(root / entry.files['evidence'][0])
    return evidence.images[0] if isinstance(evidence, StyleStack) else None
