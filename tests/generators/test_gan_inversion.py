from __future__ import annotations

import pytest
import torch

from mmseg_gen.errors import UserError
from mmseg_gen.functional.inversion_loss import pixel_loss
from mmseg_gen.generators import gan_inversion
from mmseg_gen.generators.gan_inversion import InversionSettings, invert_images
from mmseg_gen.generators.style_mixing import random_styles
from tests.generators.stylegan2.tiny_stylegan2 import tiny_generator


@pytest.fixture(scope='module')
def model():
    model = tiny_generator(8)
    model.mapping.mean_style.copy_(model.estimate_mean_style(2000))
    return model


@pytest.fixture(scope='module')
def targets(model):
    return model.synthesis(random_styles(model, 2, seed=3))


@pytest.mark.parametrize('space', ['w', 'w+'])
def test_images_of_the_generator_are_found_again(model, targets, space):
    found = invert_images(model, targets, InversionSettings(space=space, steps=150))
    assert found.styles.shape == (2, model.num_layers, 6)
    assert found.losses.shape == (150, 2)
    # At the start the image is that of the mean style, compared at 8, 4, 2 and 1 pixels.
    first = pixel_loss(model.synthesis(model.mapping.mean_style.expand(2, 4, -1)), targets, 4)
    torch.testing.assert_close(found.losses[0], first)
    again = model.synthesis(found.styles, found.noise)
    assert (pixel_loss(again, targets, 4) < first / 100).all()
    assert (again - targets).abs().mean() < 0.1 * (targets - targets.mean()).abs().mean()
    if space == 'w':
        assert torch.equal(found.styles, found.styles[:, :1].expand(-1, 4, -1))
    else:
        assert not torch.allclose(found.styles[:, 0], found.styles[:, 1])


@pytest.mark.parametrize('space', ['w', 'w+'])
def test_a_given_start_is_where_it_starts(model, targets, space):
    start = model.mapping.mean_style + 0.1 * torch.arange(8).reshape(2, 4, 1)
    found = invert_images(model, targets, InversionSettings(space=space, steps=1), start=start)
    styles = start if space == 'w+' else start.mean(1, keepdim=True).repeat(1, 4, 1)
    torch.testing.assert_close(found.losses[0], pixel_loss(model.synthesis(styles), targets, 4))
    # Adam's first step is as long as its rate.
    assert (found.styles - styles).abs().max() < 0.101
    assert torch.equal(start, model.mapping.mean_style + 0.1 * torch.arange(8).reshape(2, 4, 1))
    for wrong in (start[:1], start[:, :1], torch.full_like(start, torch.nan)):
        with pytest.raises(ValueError, match='finite `start` of shape'):
            invert_images(model, targets, InversionSettings(steps=1), start=wrong)


def test_a_checkpoint_of_another_start_is_refused(model, targets, tmp_path):
    start, settings = model.mapping.mean_style.expand(2, 4, -1), InversionSettings(steps=4)
    given = dict(checkpoint=tmp_path / 'state.safetensors', save_every=2)
    first = invert_images(model, targets, settings, start=start, **given)
    again = invert_images(model, targets, settings, start=start, **given)
    assert torch.equal(first.styles, again.styles)
    for other in (None, start + 1):
        with pytest.raises(UserError, match='of these images and settings'):
            invert_images(model, targets, settings, start=other, **given)


def test_images_of_a_batch_do_not_interact(model, targets):
    settings = InversionSettings(steps=12, space='w+', optimize_noise=True, style_weight=0.1)
    whole = invert_images(model, targets, settings)
    for n in range(2):
        one = invert_images(model, targets[n : n + 1], settings)
        torch.testing.assert_close(whole.styles[n : n + 1], one.styles, atol=1e-4, rtol=1e-3)


def test_fitted_noise_stays_normal_and_the_model_as_it_was(model, targets):
    before = {key: value.clone() for key, value in model.state_dict().items()}
    found = invert_images(model, targets, InversionSettings(steps=10, optimize_noise=True))
    for noise in found.noise:
        torch.testing.assert_close(noise.mean((2, 3)), torch.zeros(2, 1), atol=1e-5, rtol=0)
        torch.testing.assert_close(noise.square().mean((2, 3)), torch.ones(2, 1), atol=1e-4, rtol=0)
    assert not torch.allclose(found.noise[-1][0], found.noise[-1][1])
    for key, value in model.state_dict().items():
        assert torch.equal(value, before[key]), key
    assert not any(p.requires_grad or p.grad is not None for p in model.parameters())
    kept = invert_images(model, targets, InversionSettings(steps=2))
    for noise, conv in zip(kept.noise, model.synthesis.convs, strict=True):
        assert torch.equal(noise, conv.noise.expand(2, 1, -1, -1))


def test_styles_are_drawn_to_the_mean_if_asked(model, targets):
    def away(weight):
        styles = invert_images(model, targets, InversionSettings(steps=60, style_weight=weight)).styles
        return float((styles - model.mapping.mean_style).square().mean())

    assert away(1e4) < 0.2 * away(0.0)


def test_a_run_that_was_cut_off_ends_as_one_that_was_not(model, targets, tmp_path, monkeypatch):
    settings = InversionSettings(steps=12, space='w+', optimize_noise=True)
    whole = invert_images(model, targets, settings)
    advance, path = gan_inversion._Run.advance, tmp_path / 'state.safetensors'

    def cut(run):
        if run.step == 7:
            raise KeyboardInterrupt
        advance(run)

    monkeypatch.setattr(gan_inversion._Run, 'advance', cut)
    with pytest.raises(KeyboardInterrupt):
        invert_images(model, targets, settings, checkpoint=path, save_every=5)
    steps = []
    monkeypatch.setattr(gan_inversion._Run, 'advance', lambda run: (steps.append(run.step), advance(run)))
    again = invert_images(model, targets, settings, checkpoint=path, save_every=5)
    assert steps == list(range(5, 12))
    assert torch.equal(again.styles, whole.styles)
    assert torch.equal(again.losses, whole.losses)
    for a, b in zip(again.noise, whole.noise, strict=True):
        assert torch.equal(a, b)
    steps.clear()
    assert torch.equal(invert_images(model, targets, settings, checkpoint=path).styles, whole.styles)
    assert steps == []


def test_checkpoints_of_other_runs_are_refused_and_left(model, targets, tmp_path):
    path = tmp_path / 'state.safetensors'
    invert_images(model, targets, InversionSettings(steps=2), checkpoint=path)
    before = path.read_bytes()
    for images, settings in ((targets, InversionSettings(steps=3)), (targets + 0.1, InversionSettings(steps=2))):
        with pytest.raises(UserError, match='of others'):
            invert_images(model, images, settings, checkpoint=path)
    assert path.read_bytes() == before
    path.write_bytes(before[: len(before) // 2])
    with pytest.raises(UserError, match='damaged'):
        invert_images(model, targets, InversionSettings(steps=2), checkpoint=path)


def test_bad_images_and_settings_are_named(model, targets):
    for bad in (targets[0], targets[..., :4], targets[:0], targets * torch.nan):
        with pytest.raises(ValueError, match='`images` of shape'):
            invert_images(model, bad)
    for name, value in (('space', 'z'), ('steps', 0), ('scales', 0), ('learning_rate', 0.0), ('noise_weight', -1.0)):
        with pytest.raises(ValueError, match=f'`{name}`'):
            InversionSettings(**{name: value})


def _thirds(images):
    """Features of images: their means over vertical thirds, and the pixels themselves."""
    return [torch.nn.functional.adaptive_avg_pool2d(images, (1, 3)), images]


def test_features_draw_the_styles_to_what_they_see(model, targets):
    settings = InversionSettings(steps=1, feature_weight=0.5)
    plain, seen = invert_images(model, targets, settings), invert_images(model, targets, settings, features=_thirds)
    # The losses before the first step are those of the pixels alone, and Adam's first step has a fixed length.
    assert torch.equal(plain.losses, seen.losses)
    styles = model.mapping.mean_style.expand(2, model.num_layers, -1).clone().requires_grad_()
    images = model.synthesis(styles)
    loss = pixel_loss(images, targets, 4).sum()
    for a, b in zip(_thirds(images), _thirds(targets), strict=True):
        unit = a / a.norm(dim=1, keepdim=True) - b / b.norm(dim=1, keepdim=True)
        loss = loss + 0.5 * unit.square().sum(1).mean((1, 2)).sum() / 2
    gradient = torch.autograd.grad(loss, styles)[0].sum(1)
    moved = seen.styles[:, 0] - model.mapping.mean_style
    sure = gradient.abs() > 1e-5
    assert torch.equal(moved.sign()[sure], -gradient.sign()[sure])
    without = invert_images(model, targets, InversionSettings(steps=40))
    nearer = invert_images(model, targets, InversionSettings(steps=40, feature_weight=3.0), features=_thirds)
    assert not torch.equal(without.styles, nearer.styles)


def test_a_checkpoint_of_other_features_is_refused(model, targets, tmp_path):
    settings, path = InversionSettings(steps=2), tmp_path / 'state.safetensors'
    whole = invert_images(model, targets, settings, features=_thirds, checkpoint=path)
    again = invert_images(model, targets, settings, features=_thirds, checkpoint=path)
    assert torch.equal(whole.styles, again.styles)
    for other in (None, lambda images: [images]):
        with pytest.raises(UserError, match='give another `checkpoint`'):
            invert_images(model, targets, settings, features=other, checkpoint=path)
