"""A registered segmentor whose answer is plain: pixels brighter than its one weight are foreground."""

from __future__ import annotations

import torch
from mmengine.structures import PixelData
from mmseg.models.segmentors.base import BaseSegmentor

from mmseg_gen.registry import MODELS

BRIGHTEST = 140.0


@MODELS.register_module(force=True)
class BrightnessModel(BaseSegmentor):
    """Labels 0 to the threshold, 1 above it, and with three classes 2 above 140."""

    def __init__(self, num_classes, data_preprocessor=None, **kwargs):
        super().__init__(data_preprocessor=data_preprocessor)
        self.num_classes = num_classes
        self.threshold = torch.nn.Parameter(torch.zeros(1))

    def predict(self, inputs, data_samples=None):
        for image, sample in zip(inputs, data_samples, strict=True):
            brightness = image.mean(0, keepdim=True)
            labels = (brightness > self.threshold).long()
            if self.num_classes > 2:
                labels = labels + (brightness > max(BRIGHTEST, float(self.threshold))).long()
            sample.pred_sem_seg = PixelData(data=labels)
        return data_samples

    def loss(self, inputs, data_samples): ...

    def _forward(self, inputs, data_samples=None): ...

    def encode_decode(self, inputs, batch_data_samples): ...

    def extract_feat(self, inputs): ...
