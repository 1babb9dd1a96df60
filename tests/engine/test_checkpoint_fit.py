"""Checkpoints that leave weights unset are refused, whatever wraps the model; others are not."""

from __future__ import annotations

import pytest
import torch
from mmengine.model import BaseTTAModel
from torch import nn

from mmseg_gen.engine.checkpoint_fit import check_fit
from mmseg_gen.errors import UserError


class Net(nn.Module):
    def __init__(self, width=4):
        super().__init__()
        self.layer, self.norm = nn.Conv2d(3, width, 1), nn.BatchNorm2d(width)

    def test_step(self, data): ...


class Views(BaseTTAModel):
    def merge_preds(self, data_samples_list): ...


@pytest.mark.parametrize('wrap', [lambda net: net, Views, nn.DataParallel], ids=['plain', 'views', 'parallel'])
def test_a_wrapped_model_is_looked_into(wrap):
    state = Net().state_dict()
    check_fit(wrap(Net()), {'state_dict': state, 'meta': {}}, 'a.pth')
    check_fit(wrap(Net()), {f'module.{key}': value for key, value in state.items()}, 'a.pth')
    with pytest.raises(UserError, match=r'weights of a\.pth .* 6 of another shape \(layer.bias: \(5,\) instead of'):
        check_fit(wrap(Net()), {'state_dict': Net(5).state_dict()}, 'a.pth')


def test_what_is_missing_is_named_and_what_is_left_over_is_not():
    state = Net().state_dict()
    check_fit(Net(), {'state_dict': {**state, 'auxiliary_head.weight': torch.zeros(1)}}, 'a.pth')
    del state['norm.num_batches_tracked']
    check_fit(Net(), {'state_dict': state}, 'a.pth')
    del state['layer.bias'], state['norm.running_mean']
    with pytest.raises(UserError, match=r'2 missing \(layer.bias, norm.running_mean\); give the config'):
        check_fit(Net(), {'state_dict': state}, 'a.pth')
    check_fit(nn.Identity(), {'state_dict': {}}, 'a.pth')
