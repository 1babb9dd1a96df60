"""Pictures in the report of a concept distillation run: photos step by step, and images between the two prompts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from mmseg_gen.datasets.image_reading import read_image
from mmseg_gen.evaluation.concept_scores import Labels
from mmseg_gen.functional.photo_records import PhotoRecord, read_records
from mmseg_gen.functional.writing import encode_png, write_bytes
from mmseg_gen.visualization.report_page import Part, note, plots
from mmseg_gen.visualization.report_pictures import Picture, data_uri, paint_labels
from mmseg_gen.visualization.sheet import heat_map, picture_sheet

if TYPE_CHECKING:
    from mmseg_gen.engine.concepts.run import ConceptRun

SHEET, STRIP = 'sheet.png', 'guidance.png'
_SIDE = 96


def photo_part(run: ConceptRun, steps: Mapping[str, Labels], count: int) -> Part | None:
    """Return a sheet of photos at even steps, a row each: map, background and every step's mask; None without photos.

    The sheet is written to ``sheet.png`` too.

    Args:
        run: The run.
        steps: Label maps of each step.
        count: Number of photos.
    """
    records = read_records(run.preliminary)
    shown = [r for r in records.values() if 'map' in r.files]
    if not shown or count < 1:
        return None
    chosen = [shown[i] for i in np.linspace(0, len(shown) - 1, min(count, len(shown))).round().astype(int)]
    refined = read_records(run.refined)
    rows = [_row(run, record, refined.get(record.name), steps) for record in chosen]
    titles = ['photo', 'mean attention', 'painted over', *steps]
    content = encode_png(picture_sheet(rows, titles, side=_SIDE))
    write_bytes(run.root / SHEET, content)
    text = f'{len(chosen)} of {len(shown)} photos at even steps. White: the step gave nothing.'
    return Part('Photos', note(text) + plots([_picture(content, 'Photos', 'A row for each photo, a column a step')]))


def _row(
    run: ConceptRun, record: PhotoRecord, refined: PhotoRecord | None, steps: Mapping[str, Labels]
) -> list[np.ndarray]:
    image = read_image(record.image)
    white = np.full_like(image, 255)
    maps = np.load(record.path(run.preliminary, 'map'), allow_pickle=False).astype(np.float32)
    heat = cv2.resize(heat_map(maps.sum(0)), image.shape[1::-1], interpolation=cv2.INTER_NEAREST)
    has_background = refined is not None and 'background' in refined.files
    background = read_image(refined.path(run.refined, 'background')) if has_background else white
    found = [labels(record.name) for labels in steps.values()]
    return [image, heat, background, *(white if f is None else paint_labels(image, f) for f in found)]


def strip_part(run: ConceptRun) -> Part | None:
    """Return the strip of images over the guidance between the prompts; None where the run makes no images.

    It is painted and written to ``guidance.png`` where it is not there.
    """
    path: Path = run.root / STRIP
    if not path.is_file():
        if not run.synthetic.is_dir() or (run.generator is not None and not run.generator.is_dir()):
            return None
        _write_strip(run, path)
    text = 'Each row starts from one noise; w of Eq. 10 grows from left to right, from background to object.'
    return Part('Between the prompts', note(text) + plots([_picture(path.read_bytes(), 'Guidance', text)]))


def _write_strip(run: ConceptRun, path: Path) -> None:
    from mmseg_gen.engine.concepts.stage import load_generator
    from mmseg_gen.engine.concepts.strip import SCALES, paint_strip

    images = paint_strip(load_generator(run.settings, run.generator), run.settings)
    sheet = picture_sheet(
        [list(column) for column in images.swapaxes(0, 1)], [f'w = {w:g}' for w in SCALES], side=_SIDE
    )
    write_bytes(path, encode_png(sheet))


def _picture(content: bytes, caption: str, alt: str) -> Picture:
    width, height = (int.from_bytes(content[start : start + 4], 'big') for start in (16, 20))  # the PNG's header
    return Picture(data_uri(content, 'png'), (width, height), caption, alt)
