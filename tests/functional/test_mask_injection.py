"""Mask injection against a loop over heads, pixels and tokens written from the papers' formulas."""

from __future__ import annotations

import math

import pytest
import torch

from mmseg_gen.functional.mask_injection import (
    InjectionSettings,
    cross_pairs,
    inject,
    injection_strength,
    layer_mask,
    self_pairs,
)

HEADS, CHANNELS = 2, 9


def example(queries: int, keys: int, samples: int = 2) -> torch.Tensor:
    return torch.randn(samples, HEADS, queries, keys, generator=torch.Generator().manual_seed(queries * keys))


def loop(logits, pairs, apart, strength, adaptive):
    """Eq. 5 and DenseDiffusion's two branches, one number at a time."""
    out = logits.clone()
    samples, heads, queries, keys = logits.shape
    for n in range(samples):
        for h in range(heads):
            for i in range(queries):
                row = logits[n, h, i]
                top, bottom = max(row.tolist()), min(row.tolist())
                for j in range(keys):
                    w, value = strength[n].item(), row[j].item()
                    up = w * pairs[n, i, j].item() * ((top - value) if adaptive else 1 / math.sqrt(CHANNELS))
                    down = 0.0
                    if apart is not None:
                        down = w * apart[n, i, j].item() * ((value - bottom) if adaptive else 1 / math.sqrt(CHANNELS))
                    out[n, h, i, j] = value + up - down
    return out


@pytest.mark.parametrize('adaptive', [True, False])
@pytest.mark.parametrize('negative', [True, False])
def test_cross_attention_equals_the_loop(adaptive, negative):
    logits, mask = example(6, 5), torch.tensor([[1, 0, 1, 0, 0, 1], [0.5, 0, 0, 0.25, 1, 0]])
    tokens = torch.tensor([[0, 1, 1, 0, 0], [0, 0, 0, 0, 1.0]])
    pairs, apart = cross_pairs(mask, tokens)
    strength = torch.tensor([0.7, 1.3])
    found = inject(logits, pairs, apart if negative else None, strength, range_adaptive=adaptive, channels=CHANNELS)
    assert torch.allclose(found, loop(logits, pairs, apart if negative else None, strength, adaptive), atol=1e-6)


def test_the_pairs_of_hard_masks_are_the_papers_cases():
    mask, tokens = torch.tensor([[1.0, 0.0, 1.0]]), torch.tensor([[0.0, 1.0, 0.0, 1.0]])
    cross, _ = cross_pairs(mask, tokens)
    own, unlike = self_pairs(mask, mask)
    for i in range(3):
        for j in range(4):
            assert cross[0, i, j] == float(j in (1, 3) and mask[0, i] == 1)
        for j in range(3):
            assert own[0, i, j] == float(mask[0, i] == mask[0, j] == 1)
            assert unlike[0, i, j] == float(mask[0, i] != mask[0, j])


@pytest.mark.parametrize('adaptive', [True, False])
def test_self_attention_in_chunks_of_queries_equals_the_whole(adaptive):
    logits, mask = example(12, 12), torch.rand(2, 12, generator=torch.Generator().manual_seed(1))
    options = dict(range_adaptive=adaptive, channels=CHANNELS)
    strength = torch.ones(2)
    whole = inject(logits, *self_pairs(mask, mask), strength, **options)
    rows = [slice(0, 5), slice(5, 12)]
    parts = [inject(logits[:, :, r], *self_pairs(mask[:, r], mask), strength, **options) for r in rows]
    assert torch.equal(torch.cat(parts, 2), whole)


def test_an_empty_mask_and_a_zero_weight_change_nothing():
    logits, mask = example(4, 4), torch.zeros(2, 4)
    pairs = self_pairs(mask, mask)
    for adaptive in (True, False):
        assert torch.equal(inject(logits, *pairs, torch.ones(2), range_adaptive=adaptive, channels=4), logits)
    full = self_pairs(torch.ones(2, 4), torch.ones(2, 4))
    assert torch.equal(inject(logits, *full, torch.zeros(2), range_adaptive=True, channels=4), logits)


def test_full_adaptive_weight_lifts_the_pair_to_the_rows_maximum():
    logits = example(3, 4)
    pairs = torch.zeros(2, 3, 4)
    pairs[:, :, 2] = 1
    raised = inject(logits, pairs, None, torch.ones(2), range_adaptive=True, channels=4)
    assert torch.allclose(raised[..., 2], logits.amax(-1))
    assert torch.equal(raised[..., [0, 1, 3]], logits[..., [0, 1, 3]])


def test_samples_do_not_see_one_another():
    logits, mask = example(4, 4), torch.rand(2, 4, generator=torch.Generator().manual_seed(0))
    options = dict(range_adaptive=True, channels=4)
    both = inject(logits, *self_pairs(mask, mask), torch.tensor([0.5, 1.0]), **options)
    for n, weight in enumerate((0.5, 1.0)):
        one = slice(n, n + 1)
        alone = inject(logits[one], *self_pairs(mask[one], mask[one]), torch.tensor([weight]), **options)
        assert torch.allclose(both[one], alone)


def test_strength_follows_densediffusion():
    mask = torch.tensor([[1.0, 0, 0, 0], [1, 1, 1, 0]])
    assert torch.equal(injection_strength(InjectionSettings(), mask, 400, 1000), torch.ones(2))
    time = injection_strength(InjectionSettings(time_weight=True), mask, 400, 1000)
    assert torch.allclose(time, torch.full((2,), 0.4**5))
    size = injection_strength(InjectionSettings(size_weight=True), mask, 400, 1000)
    assert torch.allclose(size, torch.tensor([0.75, 0.25]))


def test_layer_masks_are_area_means_on_grids_that_are_not_square():
    mask = torch.zeros(1, 4, 6)
    mask[0, :2, :3] = 1
    mask[0, 3, 5] = 1
    means = [[1, 0.5, 0], [0, 0, 0.25]]
    assert torch.allclose(layer_mask(mask, (2, 3), soft=True), torch.tensor(means).reshape(1, 6))
    assert layer_mask(mask, (2, 3), soft=False).tolist() == [[1, 0, 0, 0, 0, 0]]


@pytest.mark.parametrize('adaptive', [True, False])
def test_the_gradient_with_respect_to_a_soft_mask_is_right(adaptive):
    logits = example(4, 4).double()
    mask = torch.rand(2, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(3)).requires_grad_()

    def attention(m):
        raised = inject(logits, *self_pairs(m, m), torch.ones(2).double(), range_adaptive=adaptive, channels=4)
        return raised.softmax(-1)

    assert torch.autograd.gradcheck(attention, mask)


@pytest.mark.parametrize(
    ('settings', 'name'),
    [
        (dict(cross_weight=-1), 'cross_weight'),
        (dict(self_weight=math.nan), 'self_weight'),
        (dict(max_self_side=0), 'max_self_side'),
    ],
)
def test_wrong_settings_are_refused(settings, name):
    with pytest.raises(ValueError, match=f'Expected `{name}`'):
        InjectionSettings(**settings)
