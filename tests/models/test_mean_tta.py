"""The merged scores of test-time augmentation."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample
from torch import nn

from mmseg_gen.models.segmentors.mean_tta import MeanTTAModel, mean_log_probabilities


class Module(nn.Module):
    def __init__(self, out_channels: int) -> None:
        super().__init__()
        self.out_channels, self.decode_head = out_channels, SimpleNamespace(threshold=0.5)

    def test_step(self, data: dict) -> None:
        raise NotImplementedError


def views(*scores: torch.Tensor) -> list[SegDataSample]:
    samples = [SegDataSample(seg_logits=PixelData(data=x)) for x in scores]
    for i, sample in enumerate(samples):
        sample.set_metainfo(dict(img_path='scene.png', view=i))
        sample.gt_sem_seg = PixelData(data=torch.full((1, *scores[0].shape[1:]), i))
    return samples


def test_log_probabilities_are_those_of_the_mean_softmax():
    torch.manual_seed(0)
    logits = [torch.randn(3, 4, 5) * 4 for _ in range(3)]
    expected = sum(x.softmax(dim=0) for x in logits) / 3
    torch.testing.assert_close(mean_log_probabilities(logits).exp(), expected)


def test_labels_and_scores_agree_and_the_truth_is_the_first_views():
    torch.manual_seed(0)
    scores = [torch.randn(2, 3, 4) * 5, torch.randn(2, 3, 4)]
    (merged,) = MeanTTAModel(Module(2)).merge_preds([views(*scores)])
    probabilities = (scores[0].softmax(0) + scores[1].softmax(0)) / 2
    torch.testing.assert_close(merged.seg_logits.data.softmax(dim=0), probabilities)
    assert torch.equal(merged.pred_sem_seg.data, probabilities.argmax(0, keepdim=True))
    assert torch.equal(merged.gt_sem_seg.data, torch.zeros(1, 3, 4, dtype=torch.int64))
    assert merged.img_path == 'scene.png'


def test_one_channel_holds_the_mean_probability():
    scores = [torch.tensor([[[0.9, 0.2]]]), torch.tensor([[[0.3, 0.1]]])]
    (merged,) = MeanTTAModel(Module(1)).merge_preds([views(*scores)])
    torch.testing.assert_close(merged.seg_logits.data, torch.tensor([[[0.6, 0.15]]]))
    assert merged.pred_sem_seg.data.tolist() == [[[1, 0]]]


@pytest.mark.parametrize('count', [1, 4])
def test_identical_views_change_nothing(count):
    logits = torch.randn(2, 3, 3)
    (merged,) = MeanTTAModel(Module(2)).merge_preds([views(*[logits] * count)])
    torch.testing.assert_close(merged.seg_logits.data, logits.log_softmax(0))
