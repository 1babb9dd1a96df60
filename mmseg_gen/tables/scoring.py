"""From predictions to the scores of a row. Both conventions of IoU are always given, each under its own name."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from mmseg_gen.functional.label_counts import intersection_union
from mmseg_gen.functional.saliency import foreground_iou, pixel_accuracy
from mmseg_gen.tables.contract import Scores

# What each metric's name stands for, written into every file of results.
CONVENTIONS = {
    'iou': "foreground IoU of each image, mean over images (TokenCut's and DiffusionSeg's convention)",
    'iou_pooled': "foreground IoU of all images' pixels together",
    'acc': 'share of pixels labelled right, mean over images',
    'matched': 'share of object pixels whose best match lies within 1.5 cells of the true one, mean over images',
    'miou': 'mean of the IoU of foreground and background of each image, mean over images',
    'iou_bg': 'background IoU of each image, mean over images',
    'found': 'share of images with a confident foreground',
    'miou_found': '`miou` over the images with a confident foreground alone',
    'trimap_miou': "`miou_pooled` over the pixels at most 3 pixels away from the truth's border",
    'auc': 'area under the ROC curve of the map of each image against its truth, mean over images',
    'frechet': 'Frechet distance of embedded CLIP features to photos, mean over blocks of images; lower is closer',
    'shown': 'probability that embedded CLIP gives the object against an empty background, mean over images',
    'miou_pooled': "IoU of each class over all images' pixels together, mean over classes (MMSegmentation's mIoU)",
}


def mask_scores(predictions: Sequence[np.ndarray], truths: Sequence[np.ndarray]) -> Scores:
    """Return ``iou``, ``acc`` and ``iou_pooled`` of binary masks.

    Args:
        predictions: Bool ``(H, W)``, one per image.
        truths: Likewise.

    Raises:
        ValueError: The numbers of masks, or their sizes, differ.
    """
    pairs = list(zip(predictions, truths, strict=True))
    tensors = [(torch.from_numpy(p), torch.from_numpy(t)) for p, t in pairs]
    return Scores(
        means={
            'iou': np.array([foreground_iou(p, t) for p, t in tensors]),
            'acc': np.array([pixel_accuracy(p, t) for p, t in tensors]),
        },
        ratios={'iou_pooled': np.stack([intersection_union(p, t, 2)[1:] for p, t in pairs])},
    )
