"""Injection inside a UNet: against attention computed by hand, several classes in one batch, processors restored."""

from __future__ import annotations

import pytest
import torch
from diffusers.models.attention_processor import AttnProcessor2_0

from mmseg_gen.functional.mask_injection import InjectionSettings, cross_pairs, inject, layer_mask, self_pairs
from mmseg_gen.generators import mask_injection
from mmseg_gen.generators.mask_injection import InjectingProcessor, MaskInjection
from tests.tiny_models import WIDTH, tiny_unet

SIZE = (6, 8)
OFF = InjectionSettings(cross_weight=0, self_weight=0)
TOKENS = 7


def inputs(samples: int = 2):
    generator = torch.Generator().manual_seed(0)
    latents = torch.randn(samples, 4, *SIZE, generator=generator)
    context = torch.randn(samples, TOKENS, WIDTH, generator=generator)
    masks = torch.rand(samples, 12, 16, generator=generator)
    return latents, context, masks, [[2, 3], [5]][:samples]


def run(unet, latents, context):
    with torch.no_grad():
        return unet(latents, 400, encoder_hidden_states=context).sample


def injected(unet, settings, latents, context, masks, positions, timestep=400):
    with MaskInjection(unet, masks, positions, SIZE, timestep=timestep, settings=settings):
        return run(unet, latents, context)


class ByHand:
    """A processor that forms each layer's whole attention with PyTorch's own operations."""

    def __init__(self, masks, positions, settings):
        self.masks, self.positions, self.settings = masks, positions, settings

    def __call__(self, attn, hidden_states, encoder_hidden_states=None, attention_mask=None, temb=None):
        is_cross = encoder_hidden_states is not None
        context = encoder_hidden_states if is_cross else hidden_states
        samples, queries, _ = hidden_states.shape
        grid = {48: (6, 8), 12: (3, 4)}[queries]
        mask = layer_mask(self.masks, grid, self.settings.soft)
        split = lambda t: t.view(samples, -1, attn.heads, t.shape[-1] // attn.heads).permute(0, 2, 1, 3)  # noqa: E731
        q, k, v = split(attn.to_q(hidden_states)), split(attn.to_k(context)), split(attn.to_v(context))
        logits = torch.einsum('nhqd,nhkd->nhqk', q, k) * attn.scale
        tokens = torch.zeros(samples, k.shape[2])
        for n, own in enumerate(self.positions):
            tokens[n, own] = 1
        pairs, apart = cross_pairs(mask, tokens) if is_cross else self_pairs(mask, mask)
        weight = self.settings.cross_weight if is_cross else self.settings.self_weight
        logits = inject(
            logits, pairs, apart if self.settings.negative_branch else None, torch.full((samples,), weight),
            range_adaptive=self.settings.range_adaptive, channels=q.shape[-1],
        )  # fmt: skip
        out = torch.einsum('nhqk,nhkd->nqhd', logits.softmax(-1), v).reshape(samples, queries, -1)
        return attn.to_out[0](out)


@pytest.mark.parametrize(
    'settings',
    [
        InjectionSettings(),
        InjectionSettings(soft=True, negative_branch=True),
        InjectionSettings(cross_weight=3, self_weight=2, range_adaptive=False, negative_branch=True),
    ],
)
@pytest.mark.parametrize('like_sd2', [False, True])
def test_the_network_equals_one_whose_attention_is_formed_by_hand(settings, like_sd2, monkeypatch):
    torch.manual_seed(0)
    unet = tiny_unet(like_sd2)
    latents, context, masks, positions = inputs()
    monkeypatch.setitem(mask_injection._CHUNK, 'cpu', 200)
    found = injected(unet, settings, latents, context, masks, positions)
    unet.set_attn_processor(ByHand(masks, positions, settings))
    assert torch.allclose(found, run(unet, latents, context), atol=1e-5)


def test_without_weight_or_mask_the_output_is_the_plain_one():
    unet = tiny_unet()
    latents, context, masks, positions = inputs()
    plain = run(unet, latents, context)
    assert torch.equal(injected(unet, OFF, latents, context, masks, positions), plain)
    strong = InjectionSettings(negative_branch=True)
    empty = injected(unet, strong, latents, context, torch.zeros_like(masks), [[], []])
    assert torch.allclose(empty, plain, atol=1e-5)
    assert not torch.allclose(injected(unet, strong, latents, context, masks, positions), plain, atol=1e-3)


def test_classes_of_one_batch_do_not_see_one_another():
    unet = tiny_unet()
    latents, context, masks, positions = inputs()
    settings = InjectionSettings(negative_branch=True, size_weight=True)
    both = injected(unet, settings, latents, context, masks, positions)
    for n in range(2):
        one = slice(n, n + 1)
        alone = injected(unet, settings, latents[one], context[one], masks[one], positions[one])
        assert torch.allclose(both[one], alone, atol=1e-5)


def test_only_the_asked_kind_of_attention_is_injected():
    unet = tiny_unet()
    latents, context, masks, positions = inputs()
    injection = MaskInjection(unet, masks, positions, SIZE, timestep=400, settings=InjectionSettings(max_self_side=4))
    assert injection.weight(False, 48) == 0
    assert injection.weight(False, 12) == 0.3
    between = MaskInjection(unet, masks, positions, SIZE, timestep=400, settings=InjectionSettings(max_self_side=7))
    assert between.weight(False, 48) == 0  # 6 x 8: the longer side counts
    assert injection.weight(True, 48) == 1
    with injection:
        run(unet, latents, context)


def stop_inside(unet, injection) -> None:
    with injection:
        assert all(isinstance(p, InjectingProcessor) for p in unet.attn_processors.values())
        raise RuntimeError('stop')


def test_processors_come_back_also_after_an_exception():
    unet = tiny_unet()
    _, _, masks, positions = inputs()
    before = unet.attn_processors
    with pytest.raises(RuntimeError, match='stop'):
        stop_inside(unet, MaskInjection(unet, masks, positions, SIZE, timestep=1))
    assert unet.attn_processors == before
    assert all(isinstance(p, AttnProcessor2_0) for p in before.values())


@pytest.mark.parametrize('chunk', [200, 2**18])
def test_the_output_has_a_gradient_with_respect_to_a_soft_mask(monkeypatch, chunk):
    monkeypatch.setitem(mask_injection._CHUNK, 'cpu', chunk)
    unet = tiny_unet()
    latents, context, masks, positions = inputs()
    masks = masks[:, ::2, ::2]
    settings = InjectionSettings(soft=True, negative_branch=True)

    def loss(m):
        with MaskInjection(unet, m, positions, SIZE, timestep=400, settings=settings):
            return unet(latents, 400, encoder_hidden_states=context).sample.double().square().sum()

    direction = torch.randn(masks.shape, generator=torch.Generator().manual_seed(1))
    step = 1e-3
    with torch.no_grad():
        middle = masks.clamp(0.1, 0.9)
    (gradient,) = torch.autograd.grad(loss(middle.requires_grad_()), middle)
    with torch.no_grad():
        slope = (loss(middle + step * direction) - loss(middle - step * direction)) / (2 * step)
    assert (gradient * direction).sum().item() == pytest.approx(slope.item(), rel=0.02)


def test_a_gradient_keeps_no_attention_in_memory():
    unet = tiny_unet()
    latents, context, masks, positions = inputs()
    masks.requires_grad_()
    sizes = []

    def seen(tensor):
        sizes.append(tensor.shape)
        return tensor

    injection = MaskInjection(unet, masks, positions, SIZE, timestep=400, settings=InjectionSettings(soft=True))
    with torch.autograd.graph.saved_tensors_hooks(seen, lambda tensor: tensor), injection:
        unet(latents, 400, encoder_hidden_states=context)
    pixels = SIZE[0] * SIZE[1]
    assert sizes
    assert not [size for size in sizes if size[-2:] == (pixels, pixels)]


def test_wrong_inputs_are_refused():
    unet = tiny_unet()
    latents, context, masks, positions = inputs()
    with pytest.raises(ValueError, match=r'Expected `masks` of shape \(N, H, W\) and N lists'):
        MaskInjection(unet, masks, positions[:1], SIZE, timestep=1)
    with pytest.raises(ValueError, match=r'Expected `masks` in \[0, 1\]'):
        MaskInjection(unet, masks * float('nan'), positions, SIZE, timestep=1)
    with (
        pytest.raises(ValueError, match='Expected a batch of 2 samples'),
        MaskInjection(unet, masks, positions, SIZE, timestep=1),
    ):
        run(unet, latents[:1], context[:1])
    with (
        pytest.raises(ValueError, match='Expected `size` to be the height and width'),
        MaskInjection(unet, masks, positions, (5, 5), timestep=1),
    ):
        run(unet, latents, context)
