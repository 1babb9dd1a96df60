from __future__ import annotations

import builtins
import copy

import pytest
import torch

from mmseg_gen.errors import UserError
from mmseg_gen.generators.lora import add_lora, merge_lora
from mmseg_gen.models import ConceptDistiller
from tests.tiny_models import tiny_parts, tiny_unet

BLOCK = 'down_blocks.0.attentions.0.transformer_blocks.0.attn2.to_k'


@pytest.fixture
def inputs():
    generator = torch.Generator().manual_seed(0)
    return (
        torch.randn(2, 4, 8, 6, generator=generator).double(),
        7,
        torch.randn(2, 16, 32, generator=generator).double(),
    )


@pytest.fixture
def adapted():
    pytest.importorskip('peft')
    torch.manual_seed(0)
    unet = tiny_unet().double()
    plain = copy.deepcopy(unet)
    add_lora(unet, 3, alpha=6)
    unet.double()
    return unet, plain


def spread(unet) -> None:
    """Give the adapters' second factors, zero at first, some values."""
    with torch.no_grad():
        for name, parameter in unet.named_parameters():
            if 'lora_B' in name:
                parameter.copy_(torch.randn(parameter.shape, generator=torch.Generator().manual_seed(len(name))))


def test_adapters_change_nothing_at_first(adapted, inputs):
    unet, plain = adapted
    assert torch.equal(unet(*inputs).sample, plain(*inputs).sample)


def test_only_adapters_of_the_attention_train(adapted):
    names = [name for name, p in adapted[0].named_parameters() if p.requires_grad]
    assert names
    assert all('lora_' in name and ('attn1.to_' in name or 'attn2.to_' in name) for name in names)


def test_merged_weights_are_the_sum_of_the_formula(adapted, inputs):
    """W + alpha / rank * B A (Hu et al., Eq. 3), and the network without adapters computes what it did with them."""
    unet, plain = adapted
    spread(unet)
    layer = unet.get_submodule(BLOCK)
    first, second = layer.lora_A['default'].weight, layer.lora_B['default'].weight
    expected = plain.get_submodule(BLOCK).weight + 6 / 3 * second @ first
    before = unet(*inputs).sample
    assert not torch.allclose(before, plain(*inputs).sample, atol=1e-3)
    merge_lora(unet)
    torch.testing.assert_close(unet.get_submodule(BLOCK).weight, expected)
    torch.testing.assert_close(unet(*inputs).sample, before)
    assert unet.state_dict().keys() == plain.state_dict().keys()


def test_a_distiller_trains_adapters_and_its_copies_share_the_rest():
    pytest.importorskip('peft')
    model = ConceptDistiller(tiny_parts(), lora=dict(rank=2))
    twin = copy.deepcopy(model)
    pairs = list(zip(model.parameters(), twin.parameters(), strict=True))
    assert all((ours is theirs) == (not ours.requires_grad) for ours, theirs in pairs)
    assert 0 < sum(p.requires_grad for p, _ in pairs) < len(pairs)


def test_without_peft_the_cure_is_named(monkeypatch):
    real = builtins.__import__

    def without_peft(name, *args, **kwargs):
        if name.split('.')[0] == 'peft':
            raise ImportError('No module named peft')
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, '__import__', without_peft)
    with pytest.raises(UserError, match=r"Expected peft for `lora`.*pip install 'mmseg_gen\[lora\]'"):
        add_lora(tiny_unet(), 2)


def test_wrong_settings_are_named():
    pytest.importorskip('peft')
    with pytest.raises(ValueError, match='`rank` to be 1 or more, but got 0'):
        add_lora(tiny_unet(), 0)
    with pytest.raises(ValueError, match=r"`targets` to name layers of the UNet.*\['to_x'\]"):
        add_lora(tiny_unet(), 2, targets=['to_x'])
