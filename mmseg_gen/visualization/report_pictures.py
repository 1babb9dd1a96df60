"""Pictures of a report as data URIs: images, label maps over them, and what the generator says of them."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from mmseg_gen.errors import UserError
from mmseg_gen.functional.concept_evidence import ConceptEvidence
from mmseg_gen.functional.evidence import Evidence, cross_map
from mmseg_gen.functional.palette import voc_palette
from mmseg_gen.functional.scene_evidence import SceneEvidence
from mmseg_gen.functional.style_stack import StyleStack
from mmseg_gen.visualization.overlay import ORANGE, overlay_mask
from mmseg_gen.visualization.sheet import heat_map

SIDE = 256
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


def evidence_pictures(
    evidence: Evidence | SceneEvidence | StyleStack | ConceptEvidence, size: tuple[int, int], names: Sequence[str]
) -> list[Picture]:
    """Return what the generator says of an image: a map for each class, the image without its objects, variations.

    Args:
        evidence: Of any method.
        size: Height and width of the image.
        names: Words of the maps, in their order; one that is missing gets a number.
    """
    if isinstance(evidence, StyleStack):
        count = len(evidence.images)
        shown = evidence.images[np.linspace(0, count - 1, _TILES**2).round().astype(int)]
        rows = [np.concatenate(list(shown[i : i + _TILES]), 1) for i in range(0, _TILES**2, _TILES)]
        return [data_picture(np.concatenate(rows), 'evidence', f'{_TILES**2} of {count} variations of the image')]
    if isinstance(evidence, ConceptEvidence):
        return [*map_pictures(list(evidence.maps), size, names), background_picture(evidence.background)]
    classes = evidence.classes if isinstance(evidence, SceneEvidence) else (evidence,)
    return map_pictures([cross_map(own, min(_LAYERS, len(own.cross))) for own in classes], size, names)


def map_pictures(maps: Sequence[np.ndarray], size: tuple[int, int], names: Sequence[str]) -> list[Picture]:
    """Return each map ``(h, w)`` in colour at the size of its image; arguments as in :func:`evidence_pictures`."""
    words = [names[k] if k < len(names) else f'number {k + 1}' for k in range(len(maps))]
    captions = ['evidence'] if len(maps) == 1 else [f'evidence: {word}' for word in words]
    return [
        data_picture(
            cv2.resize(heat_map(values), size[::-1], interpolation=cv2.INTER_NEAREST),
            caption,
            f'Where the generator attended to the word {word}, bright is more',
        )
        for values, caption, word in zip(maps, captions, words, strict=True)
    ]


def background_picture(pixels: np.ndarray) -> Picture:
    """Return the picture of an image whose objects are painted over."""
    return data_picture(pixels, 'painted over', 'The image with its objects painted over as background')


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
