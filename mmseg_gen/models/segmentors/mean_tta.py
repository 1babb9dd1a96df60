"""Test-time augmentation whose merged scores are kept, for metrics that need more than the label map."""

from __future__ import annotations

import torch
from mmengine.structures import PixelData
from mmseg.models.segmentors import SegTTAModel
from mmseg.structures import SegDataSample
from torch import Tensor

from mmseg_gen.registry import MODELS


def mean_log_probabilities(logits: list[Tensor]) -> Tensor:
    """Return the logarithm of the mean softmax of several predictions.

    Args:
        logits: Predictions (K, H, W) of the same image, with K > 1 classes.
    """
    return torch.stack([x.log_softmax(dim=0) for x in logits]).logsumexp(dim=0) - torch.tensor(len(logits)).log()


@MODELS.register_module()
class MeanTTAModel(SegTTAModel):
    """Average the class probabilities over the augmented views.

    MMSeg's `SegTTAModel` writes the merged labels only and leaves the last view's `seg_logits` beside them;
    here `seg_logits` are the merged log-probabilities (K, H, W), and for one output channel the merged
    probability (1, H, W), which is what MMSeg stores there for a single view.
    """

    def merge_preds(self, data_samples_list: list[list[SegDataSample]]) -> list[SegDataSample]:
        """Return one prediction for each image.

        Args:
            data_samples_list: For each image, the predictions of its views.
        """
        return [self._merge(views) for views in data_samples_list]

    def _merge(self, views: list[SegDataSample]) -> SegDataSample:
        scores = [view.seg_logits.data for view in views]
        if scores[0].shape[0] == 1:
            merged = torch.stack(scores).mean(dim=0)
            labels = (merged > self.module.decode_head.threshold).to(torch.int64)
        else:
            merged = mean_log_probabilities(scores)
            labels = merged.argmax(dim=0, keepdim=True)
        first = views[0]
        first.set_data({'seg_logits': PixelData(data=merged), 'pred_sem_seg': PixelData(data=labels)})
        return first
