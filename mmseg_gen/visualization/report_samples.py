"""The samples a report shows: which ones, and their pictures as data URIs."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from mmseg_gen.datasets.image_reading import read_image
from mmseg_gen.datasets.label_reading import decode_labels
from mmseg_gen.errors import UserError
from mmseg_gen.functional.concept_evidence import ConceptEvidence
from mmseg_gen.functional.evidence import Evidence, cross_map
from mmseg_gen.functional.manifest import KEPT, Entry
from mmseg_gen.functional.palette import voc_palette
from mmseg_gen.functional.scene_evidence import SceneEvidence, load_evidence
from mmseg_gen.functional.style_stack import StyleStack
from mmseg_gen.visualization.overlay import ORANGE, overlay_mask
from mmseg_gen.visualization.sheet import heat_map

SIDE = 256
FAILED = 'failed: '
_QUALITY = 82
_TILES = 2  # variations in a row of a style stack's picture
_LAYERS = 2  # of the evidence, those of largest deviation: the default of AttentionCut


@dataclass(frozen=True)
class Picture:
    """A picture in a page: a data URI, its size in pixels, and what it shows in words."""

    uri: str
    size: tuple[int, int]
    caption: str
    alt: str


@dataclass(frozen=True)
class Card:
    """A sample in a page; ``problem`` says why pictures are missing."""

    entry: Entry
    pictures: list[Picture] = field(default_factory=list)
    problem: str = ''


@dataclass(frozen=True)
class Section:
    """A part of the gallery: samples of one kind, of ``total`` in all."""

    title: str
    text: str
    entries: list[Entry]
    total: int


def choose_samples(entries: Sequence[Entry], max_samples: int) -> list[Section]:
    """Return what to show of a data set, hard samples first, at most ``max_samples`` in all.

    Half of the room goes to the most uncertain kept samples, a quarter to dropped ones that have an image, the rest to
    kept ones at even steps through the others; room that one part does not need goes to the next.

    Raises:
        UserError: ``max_samples`` is negative.
    """
    if max_samples < 0:
        raise UserError(f'Expected `max_samples` of at least 0, but got {max_samples}.')
    kept = [entry for entry in entries if entry.status == KEPT]
    dropped = [entry for entry in entries if entry.status != KEPT and 'image' in entry.files]
    rated = [entry for entry in kept if 'uncertainty' in entry.measures]
    uncertain = sorted(rated, key=lambda e: (-e.measures['uncertainty'], e.index))[: max_samples // 2]
    out = dropped[: min(max_samples // 4, max_samples - len(uncertain))]
    shown = {entry.index for entry in uncertain}
    others = [entry for entry in kept if entry.index not in shown]
    room = max_samples - len(uncertain) - len(out)
    steps = np.linspace(0, len(others) - 1, min(room, len(others))).round().astype(int)
    sections = [
        Section(
            'Most uncertain', 'Kept samples whose labels are least certain, the worst first.', uncertain, len(kept)
        ),
        Section('Dropped', 'Generated, but left out of training for the reason given.', out, len(dropped)),
        Section('Others', 'Kept samples at even steps through the rest.', [others[i] for i in steps], len(others)),
    ]
    return [section for section in sections if section.entries]


def make_card(root: Path, entry: Entry) -> Card:
    """Return a sample with its pictures: image, mask over image, evidence, as far as they are stored."""
    try:
        return Card(entry, _pictures(root, entry))
    except (ValueError, OSError) as error:
        return Card(entry, problem=str(error))


def read_mask(path: Path) -> np.ndarray:
    """Return a mask's labels, uint8 ``(H, W)``: masks of 0 and 255 become 0 and 1.

    Raises:
        UserError: The file is damaged, or has colours.
    """
    values = decode_labels(path.read_bytes(), path)
    if values.ndim != 2 or values.dtype != np.uint8:
        raise UserError(f'Expected a mask of one 8-bit channel in {path}, but got {values.dtype} {values.shape}.')
    found = np.flatnonzero(np.bincount(values.ravel(), minlength=256))
    return (values > 0).astype(np.uint8) if set(found.tolist()) <= {0, 255} else values


def _pictures(root: Path, entry: Entry) -> list[Picture]:
    paths = {kind: root / path for kind, (path, _) in entry.files.items()}
    if 'image' not in paths:
        return []
    image = read_image(paths['image'])
    pictures = [data_picture(image, 'image', f'Generated image of {entry.class_name}: {entry.prompt}')]
    if 'mask' in paths:
        labels = read_mask(paths['mask'])
        share = f'{100 * np.mean((labels > 0) & (labels < 255)):.0f} %'
        painted = paint_labels(image, labels)
        pictures.append(data_picture(painted, 'mask', f'The same image with its mask, {share} of the area, in colour'))
    if 'evidence' in paths:
        pictures.append(_evidence_picture(load_evidence(paths['evidence']), image, entry.class_name))
    return pictures


def _evidence_picture(
    evidence: Evidence | SceneEvidence | StyleStack | ConceptEvidence, image: np.ndarray, class_name: str
) -> Picture:
    if isinstance(evidence, StyleStack):
        count = len(evidence.images)
        shown = evidence.images[np.linspace(0, count - 1, _TILES**2).round().astype(int)]
        rows = [np.concatenate(list(shown[i : i + _TILES]), 1) for i in range(0, _TILES**2, _TILES)]
        return data_picture(np.concatenate(rows), 'evidence', f'{_TILES**2} of {count} variations of the image')
    if isinstance(evidence, ConceptEvidence):
        values = evidence.maps[0]
    else:
        own = evidence.classes[0] if isinstance(evidence, SceneEvidence) else evidence
        values = cross_map(own, min(_LAYERS, len(own.cross)))
    heat = cv2.resize(heat_map(values), image.shape[1::-1], interpolation=cv2.INTER_NEAREST)
    return data_picture(heat, 'evidence', f'Where the generator attended to the word {class_name}, bright is more')


def paint_labels(image: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return the image with its labels in colour: one label orange, several in VOC's colours; 255 is left out.

    Args:
        image: ``(H, W, 3)`` uint8 RGB.
        labels: ``(H, W)`` uint8.
    """
    if labels.shape != image.shape[:2]:
        raise UserError(f'Expected a mask of the size of its image {image.shape[:2]}, but got {labels.shape}.')
    shown = [int(value) for value in np.unique(labels) if 0 < value < 255]
    for value in shown:
        color = ORANGE if shown == [1] else tuple(voc_palette()[value].tolist())
        image = overlay_mask(image, labels == value, color=color)
    return image


def data_picture(pixels: np.ndarray, caption: str, alt: str) -> Picture:
    """Return an RGB picture as JPEG in a data URI, at most ``SIDE`` pixels a side."""
    height, width = pixels.shape[:2]
    scale = min(1.0, SIDE / max(height, width))
    if scale < 1:
        size = max(1, round(width * scale)), max(1, round(height * scale))
        pixels = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    ok, content = cv2.imencode('.jpg', np.ascontiguousarray(pixels[..., ::-1]), [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    if not ok:
        raise UserError(f'Expected a picture that can be stored as JPEG, but got shape {pixels.shape}.')
    return Picture(data_uri(content.tobytes(), 'jpeg'), (pixels.shape[1], pixels.shape[0]), caption, alt)


def data_uri(content: bytes, kind: str) -> str:
    """Return the bytes of a picture file as a data URI."""
    return f'data:image/{kind};base64,{base64.b64encode(content).decode("ascii")}'
