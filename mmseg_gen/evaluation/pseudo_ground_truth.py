"""Scores of generated masks against a trained segmentor's opinion of the same images.

The protocol of the style-mixing paper (section 4.2) and of Labels4Free: generated images have no ground truth, so
the classes that an off-the-shelf segmentor finds in them stand in for it. What is measured is agreement.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from mmseg_gen.datasets.image_reading import list_images
from mmseg_gen.engine.pseudo_labels import PseudoLabels
from mmseg_gen.errors import UserError
from mmseg_gen.evaluation.stored_masks import MaskScores, evaluate_masks
from mmseg_gen.evaluation.truth_sets import BINARY_CLASSES, TrueImage, TruthSet
from mmseg_gen.functional.manifest import KEPT, leave_out_uncertain, read_manifest, uncertain_share


@dataclass(frozen=True)
class Picture:
    """An image to label: its file, and the class it was generated to show, where that is known."""

    path: Path
    class_name: str | None = None


def generated_pictures(root: str | Path, drop_uncertain_share: float | None = None) -> list[Picture]:
    """Return the images of a generated data set that are trained on; of another folder all its images.

    Args:
        root: The folder.
        drop_uncertain_share: Share of the generated samples left out, the most uncertain first; None: what the set
            was made with.

    Raises:
        UserError: There is no image.
    """
    folder = Path(root)
    if not folder.is_dir():
        raise FileNotFoundError(f'Expected a folder of images, but there is no {folder}.')
    entries = [entry for entry in read_manifest(folder) if entry.status == KEPT]
    if not entries:
        return [Picture(path) for path in list_images(folder)]
    share = uncertain_share(folder) if drop_uncertain_share is None else drop_uncertain_share
    return [Picture(folder / e.files['image'][0], e.class_name) for e in leave_out_uncertain(entries, share)]


def pseudo_truth(
    pictures: Sequence[Picture],
    labels: PseudoLabels,
    *,
    foreground: Sequence[str] | None = None,
    classes: Sequence[str] | None = None,
) -> TruthSet:
    """Return what a model says of pictures as ground truth; label maps are computed as they are asked for.

    Args:
        pictures: The images.
        labels: The model's label maps.
        foreground: The model's classes that are foreground, 'sofa' and 'chair' for instance; None: the class that
            each picture was generated to show. A model of two classes has one foreground, whatever it is called.
        classes: Names of the labels 1, 2, ... of index masks: compared class by class instead.

    Raises:
        UserError: The model lacks a class, a picture's class is not known, or both are given.
    """
    if foreground is not None and classes is not None:
        raise UserError('Expected the foreground of binary masks or the classes of index masks, but got both.')
    stems = [picture.path.stem for picture in pictures]
    if len(set(stems)) < len(stems):
        raise UserError(f'Expected images of different names, but {max(stems, key=stems.count)} occurs twice.')
    if classes is not None:
        tables = {None: _table([(name, label) for label, name in enumerate(classes, 1)], labels.classes)}
        names = ('background', *classes)
    else:
        shown = {None} if foreground is not None else {picture.class_name for picture in pictures}
        if foreground is None and None in shown:
            raise UserError(
                'Expected to know what the images show, but this is no generated set; name it with --class.'
            )
        tables = {name: _table([(n, 1) for n in foreground or [name]], labels.classes) for name in shown}
        names = BINARY_CLASSES
    images = [_true_image(p, labels, tables[None if None in tables else p.class_name]) for p in pictures]
    return TruthSet(f'pseudo ground truth {labels.key}', {'classes': names}, images)


def evaluate_against_model(
    masks: str | Path,
    pictures: Sequence[Picture],
    labels: PseudoLabels,
    *,
    foreground: Sequence[str] | None = None,
    classes: Sequence[str] | None = None,
    suffix: str = '',
) -> MaskScores:
    """Return the agreement of stored masks with a model.

    Two classes: foreground, background and mean IoU, pooled and per image (``BinaryIoUMetric``); index masks: mean IoU
    and that of each class (``ClassIoUMetric``).

    Args:
        masks: Folder of masks named as the images: 0 and 255, or indices with ``classes``.
        pictures: The images.
        labels: The model's label maps.
        foreground: See :func:`pseudo_truth`.
        classes: See :func:`pseudo_truth`.
        suffix: What the masks' stems have behind the image's.

    Raises:
        UserError: See :func:`pseudo_truth` and :func:`~mmseg_gen.evaluation.stored_masks.evaluate_masks`.
    """
    truth = pseudo_truth(pictures, labels, foreground=foreground, classes=classes)
    metrics = [{'type': 'BinaryIoUMetric'}] if classes is None else [{'type': 'ClassIoUMetric', 'per_class': True}]
    scores = evaluate_masks(masks, truth, metrics=metrics, suffix=suffix)
    # The masks of dropped samples belong to no picture, as they should.
    return replace(scores, extra=[])


def _table(wanted: Sequence[tuple[str, int]], model_classes: Sequence[str]) -> np.ndarray:
    """Return the label to write for each of a model's, uint8 ``(256,)``; 0 for classes that are not wanted."""
    names = [name.lower() for name in model_classes]
    table = np.zeros(256, np.uint8)
    for name, label in wanted:
        if name.lower() in names:
            table[names.index(name.lower())] = label
        elif len(names) <= 2 and len(wanted) == 1:
            table[len(names) - 1] = label
        else:
            raise UserError(
                f'Expected a class of the model ({", ".join(model_classes)}), but got {name!r}; name the ones that '
                'count with --class.'
            )
    return table


def _true_image(picture: Picture, labels: PseudoLabels, table: np.ndarray) -> TrueImage:
    def mapped() -> np.ndarray:
        return table[labels(picture.path)]

    return TrueImage(picture.path.stem, lambda: mapped().shape, mapped, {'img_path': str(picture.path)})
