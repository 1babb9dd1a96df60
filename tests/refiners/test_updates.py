"""The descent of G4Seg's masks against loops, with a generator whose gradients and errors are given."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from mmseg_gen.functional.mask_gradient import GradientSettings
from mmseg_gen.refiners import updates
from mmseg_gen.refiners.updates import Subject, canvas_masks, descend_gradient

SIZE = (4, 6)


class Recorder:
    """Gives the same gradients each time, and notes what it was asked."""

    def __init__(self, gradients, errors=()):
        self.given, self.losses = gradients, [torch.tensor(e) for e in errors]
        self.masks, self.seeds, self.judged = [], [], []

    def gradients(self, latents, masks, prompts, seeds):
        self.masks.append(masks.clone())
        self.seeds.append(seeds)
        return None, self.given

    def errors(self, latents, masks, prompts, seeds):
        self.judged.append((masks.clone(), seeds))
        return self.losses[len(self.judged) - 1]


def method(regenerator, gate=0.0, evidence=False):
    gradient = GradientSettings(steps=3, step=0.5, limit=1.2)
    return SimpleNamespace(gradient=gradient, regenerator=regenerator, gate=gate, evidence=evidence, seed=7, samples=2)


def scene(grid=SIZE):
    rng = np.random.default_rng(0)
    probabilities = rng.uniform(0.1, 0.9, (2, *SIZE)).astype(np.float32)
    bands = rng.random((2, *SIZE)) < 0.5
    gradients = torch.from_numpy(rng.normal(size=(2, 2, *grid)).astype(np.float32))
    return probabilities, bands, gradients, Subject(torch.zeros(1, 3, *SIZE), torch.zeros(1, 4, *grid), None)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def loop_changes(gradients, steps, step, limit):
    """Return the change of the logits before each step and after the last, each step in units of the gradient's RMS."""
    mean = gradients.numpy().astype(float).mean(1)
    change, found = np.zeros_like(mean), []
    for _ in range(steps):
        found.append(change.copy())
        for b in range(len(mean)):
            change[b] = np.clip(change[b] - step * mean[b] / np.sqrt((mean[b] ** 2).mean()), -limit, limit)
    return [*found, change]


def test_masks_are_moved_in_their_band_alone_under_new_noise_at_each_step():
    probabilities, bands, gradients, subject = scene()
    recorder = Recorder(gradients)
    found = descend_gradient(method(recorder), subject, probabilities, bands)
    changes, logits = loop_changes(gradients, 3, 0.5, 1.2), np.log(probabilities / (1 - probabilities))
    for masks, change in zip(recorder.masks, changes, strict=False):
        np.testing.assert_allclose(masks.numpy(), sigmoid(logits + change * bands), atol=1e-5)
    assert np.abs(changes[-1]).max() == pytest.approx(1.2)
    np.testing.assert_allclose(found[bands], sigmoid(logits + changes[-1])[bands], atol=1e-5)
    assert (found[~bands] == probabilities[~bands]).all()
    assert recorder.seeds == [[7, 8], [9, 10], [11, 12]]


@pytest.mark.parametrize('evidence', [False, True])
@pytest.mark.parametrize('gate', [0.0, 0.6])
def test_pixels_on_which_the_noise_disagrees_change_less_or_not(evidence, gate):
    probabilities, bands, gradients, subject = scene()
    found = descend_gradient(method(Recorder(gradients), gate, evidence), subject, probabilities, bands)
    change, g = loop_changes(gradients, 3, 0.5, 1.2)[-1], gradients.numpy()
    expected = probabilities.copy()
    for b, y, x in np.argwhere(bands):
        sure = abs(g[b, 0, y, x] + g[b, 1, y, x]) / (abs(g[b, 0, y, x]) + abs(g[b, 1, y, x]))
        own = change[b, y, x] * (sure if evidence else 1) if sure >= gate else 0
        expected[b, y, x] = sigmoid(np.log(probabilities[b, y, x] / (1 - probabilities[b, y, x])) + own)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert (np.abs(found - probabilities)[bands] < 1e-6).any() == (gate > 0)


def test_pixels_on_which_all_noise_agrees_pass_any_gate():
    probabilities, bands, gradients, subject = scene()
    alike = gradients[:, :1].expand(-1, 2, -1, -1)
    free, gated = (descend_gradient(method(Recorder(alike), g), subject, probabilities, bands) for g in (0.0, 1.0))
    assert (free == gated).all()
    assert (free != probabilities)[bands].all()


def test_a_mask_is_kept_unless_fresh_noise_is_removed_better_by_the_share_asked_for():
    probabilities, bands, gradients, subject = scene()
    # Of each mask, under two noise samples: the means are 2 and 4, then 1.5 (a quarter better) and 3.5.
    recorder = Recorder(gradients, ([[1.0, 3.0], [4.0, 4.0]], [[1.0, 2.0], [3.0, 4.0]]))
    gated = method(recorder)
    gated.gradient = GradientSettings(steps=3, step=0.5, limit=1.2, gate=0.25, gate_samples=2)
    found = descend_gradient(gated, subject, probabilities, bands)
    free = descend_gradient(method(Recorder(gradients)), subject, probabilities, bands)
    assert (found[0] == free[0]).all()
    assert (found[1] == probabilities[1]).all()
    (before, seeds), (after, again) = recorder.judged
    assert seeds == again == [13, 14]
    assert (before.numpy() == (probabilities > 0.5)).all()
    assert (after.numpy() == (free > 0.5)).all()


def test_maps_on_the_grid_of_the_latents_are_means_of_their_cells():
    probabilities, _, _, subject = scene(grid=(2, 3))
    cells = canvas_masks(probabilities, subject, on_grid=True)
    np.testing.assert_allclose(cells, probabilities.reshape(2, 2, 2, 3, 2).mean((2, 4)), atol=1e-6)
    assert (canvas_masks(probabilities, subject).numpy() == probabilities).all()


@pytest.mark.parametrize(('gate', 'changes'), [(0.0, [True, True, True]), (0.5, [False, True, True])])
def test_a_gate_of_0_keeps_pixels_without_any_evidence_in_the_mix(monkeypatch, gate, changes):
    band, evidence = np.ones((1, 3), bool), np.array([[0.0, 0.5, 1.0]], np.float32)
    monkeypatch.setattr(updates, 'matched_probability', lambda *args: (np.full((1, 3), 0.9, np.float32), evidence))
    settings = SimpleNamespace(matching=None, gate=gate, beta=0.8, evidence=False)
    before = np.full((1, 3), 0.4, np.float32)
    after = updates._mix(settings, before, band, None, None)
    np.testing.assert_allclose(after, np.where(changes, 0.8 * 0.4 + 0.2 * 0.9, 0.4)[None], atol=1e-6)
