"""The masked loss against loops over places, its gradient, and empty masks."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mmseg_gen.functional.masked_loss import masked_squared_error


def example():
    generator = torch.Generator().manual_seed(0)
    output, target = (torch.randn(3, 2, 4, 5, generator=generator, dtype=torch.float64) for _ in range(2))
    mask = torch.rand(3, 1, 4, 5, generator=generator) < 0.4
    return output, target, mask


@pytest.mark.parametrize('normalization', ['area', 'tensor'])
def test_equals_the_loop_over_places(normalization):
    output, target, mask = example()
    samples = []
    for n in range(3):
        total, area = 0.0, 0
        for y in range(4):
            for x in range(5):
                if mask[n, 0, y, x]:
                    area += 2
                    total += sum(float(output[n, c, y, x] - target[n, c, y, x]) ** 2 for c in range(2))
        samples.append(total / (area if normalization == 'area' else 40))
    assert masked_squared_error(output, target, mask, normalization).item() == pytest.approx(sum(samples) / 3)


@pytest.mark.parametrize('normalization', ['area', 'tensor'])
def test_is_the_plain_error_under_a_full_mask(normalization):
    output, target, mask = example()
    found = masked_squared_error(output, target, torch.ones_like(mask), normalization)
    torch.testing.assert_close(found, torch.nn.functional.mse_loss(output, target))


@pytest.mark.parametrize('normalization', ['area', 'tensor'])
def test_gradient_is_right_and_zero_outside(normalization):
    output, target, mask = example()
    output.requires_grad_()
    assert torch.autograd.gradcheck(lambda o: masked_squared_error(o, target, mask, normalization), output)
    masked_squared_error(output, target, mask, normalization).backward()
    assert (output.grad[~mask.expand_as(output)] == 0).all()
    assert (output.grad[mask.expand_as(output)] != 0).all()


def test_empty_masks_give_zero_and_not_nan():
    output, target, mask = example()
    output[0] = float('inf')
    mask[0] = False
    output.requires_grad_()
    loss = masked_squared_error(output, target, mask)
    rest = masked_squared_error(output[1:], target[1:], mask[1:])
    assert loss.item() == pytest.approx(rest.item() * 2 / 3)
    assert masked_squared_error(output, target, mask & False).item() == 0


@pytest.mark.parametrize('normalization', ['area', 'tensor'])
def test_an_infinite_error_outside_the_mask_leaves_the_gradient_alone(normalization):
    output, target, mask = example()
    wild = torch.where(mask.expand_as(output), output, torch.inf).requires_grad_()
    output.requires_grad_()
    for tensor in (output, wild):
        masked_squared_error(tensor, target, mask, normalization).backward()
    assert torch.equal(wild.grad, output.grad)


@pytest.mark.parametrize('normalization', ['area', 'tensor'])
def test_half_precision_does_not_overflow_on_large_latents(normalization):
    generator = torch.Generator().manual_seed(0)
    # 4 x 128 x 128 entries a sample, as those of SDXL: their number is beyond float16.
    output, target = (torch.randn(1, 4, 128, 128, generator=generator).half() for _ in range(2))
    found = masked_squared_error(output, target, torch.ones(1, 1, 128, 128), normalization)
    expected = np.square(output.numpy().astype(np.float64) - target.numpy().astype(np.float64)).mean()
    assert found.item() == pytest.approx(expected, rel=1e-3)


def test_errors_name_shapes_and_words():
    output, target, mask = example()
    with pytest.raises(ValueError, match=r'`mask` of shape \(3, 1, 4, 5\)'):
        masked_squared_error(output, target, mask[:, 0])
    with pytest.raises(ValueError, match='of one shape'):
        masked_squared_error(output, target[:1], mask)
    with pytest.raises(ValueError, match='`normalization` from area, tensor'):
        masked_squared_error(output, target, mask, 'sum')
