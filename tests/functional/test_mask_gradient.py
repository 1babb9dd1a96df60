"""The steps of the gradient update, number by number."""

from __future__ import annotations

import math

import pytest
import torch

from mmseg_gen.functional.mask_gradient import (
    GradientSettings,
    agreement,
    descend,
    discrepancy,
    shifted_probability,
)


def test_the_discrepancy_is_the_mean_square_over_channels():
    made, image = torch.randn(2, 2, 3, 2, 4, generator=torch.Generator().manual_seed(0))
    expected = sum((made[:, c] - image[:, c]) ** 2 for c in range(3)) / 3
    assert torch.allclose(discrepancy(made, image), expected)


def test_noise_samples_agree_as_far_as_their_signs_do():
    gradients = torch.tensor([[1.0, 1.0, 0.0, -2.0], [3.0, -1.0, 0.0, 1.0], [2.0, 0.5, 0.0, -1.0]]).view(1, 3, 1, 4)
    assert torch.allclose(agreement(gradients), torch.tensor([1.0, 0.5 / 2.5, 0.0, 2 / 4]).view(1, 1, 4))


def test_a_step_has_the_asked_length_against_the_gradient_and_stays_within_the_limit():
    gradient = torch.tensor([[[3.0, -4.0], [0.0, 5.0]], [[0.0, 0.0], [0.0, 0.0]]])
    rms = math.sqrt((9 + 16 + 25) / 4)
    moved = descend(torch.zeros(2, 2, 2), gradient, 0.5, 10.0)
    assert torch.allclose(moved[0], -0.5 * gradient[0] / rms)
    assert (moved[1] == 0).all()
    assert descend(torch.zeros(2, 2, 2), gradient, 50.0, 2.0).abs().max() == 2.0


def test_probabilities_move_in_their_logits():
    probability = torch.tensor([[[0.5, 0.2], [0.9, 0.0]]])
    change = torch.tensor([[[math.log(3), 0.0], [-1.0, 20.0]]])
    found = shifted_probability(probability, change)[0]
    assert found[0, 0].item() == pytest.approx(0.75)
    assert found[0, 1].item() == pytest.approx(0.2)
    assert found[1, 0].item() == pytest.approx(1 / (1 + math.exp(1) / 9))
    assert 0 < found[1, 1] < 1
    # A cell's centre lies half a cell inside: 1 to the outer quarters, a quarter of the way between the inner ones.
    ramp = torch.sigmoid(torch.tensor([0.0, 0.25, 0.75, 1.0]))
    assert torch.allclose(shifted_probability(torch.full((1, 2, 4), 0.5), torch.tensor([[[0.0, 1.0]]])), ramp)
    # What is certain is held at 0.0001 and 0.9999, so that it can be moved.
    certain = shifted_probability(torch.tensor([[[0.0, 1.0]]]), torch.tensor([[[math.log(9999), -math.log(9999)]]]))
    assert torch.allclose(certain, torch.full((1, 1, 2), 0.5), atol=1e-3)
    coarse = shifted_probability(torch.full((1, 4, 6), 0.5), torch.full((1, 2, 3), math.log(3)))
    assert torch.allclose(coarse, torch.full((1, 4, 6), 0.75))


@pytest.mark.parametrize(
    ('options', 'name'),
    [
        (dict(steps=0), 'steps'),
        (dict(gate_samples=0), 'gate_samples'),
        (dict(step=0), 'step'),
        (dict(limit=0), 'limit'),
        (dict(gate=1), 'gate'),
        (dict(gate=-1.1), 'gate'),
    ],
)
def test_wrong_settings_are_refused(options, name):
    with pytest.raises(ValueError, match=f'Expected `{name}`'):
        GradientSettings(**options)


def test_the_gate_may_be_anything_from_minus_1():
    assert [GradientSettings(gate=g).gate for g in (-1, 0.99, None)] == [-1, 0.99, None]
