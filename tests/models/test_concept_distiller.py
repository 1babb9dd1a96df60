from __future__ import annotations

import copy
import pickle

import pytest
import torch
from diffusers import DDPMScheduler
from mmengine.optim import AmpOptimWrapper, OptimWrapper
from mmengine.registry import DefaultScope

from mmseg_gen.errors import UserError
from mmseg_gen.generators.latents import encode_images
from mmseg_gen.generators.parts import load_parts
from mmseg_gen.generators.text import encode_prompts
from mmseg_gen.models import ConceptDistiller
from mmseg_gen.registry import MODELS
from tests.tiny_models import save_tiny, tiny_family, tiny_parts

PROMPTS = ('a photo of a bird', 'a photo of a background')


def batch(count: int = 4, height: int = 16, width: int = 24) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    masks = torch.rand(count, 1, height // 2, width // 2, generator=generator) > 0.4
    return dict(
        inputs=torch.rand(count, 3, height, width, generator=generator) * 2 - 1,
        masks=masks.float(),
        kinds=torch.arange(count) % 2,
        seeds=torch.arange(count) + 11,
    )


def distiller(prediction_type: str = 'epsilon', **settings) -> ConceptDistiller:
    return ConceptDistiller(tiny_parts(prediction_type), PROMPTS, **settings).train()


def gradients(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}


@pytest.mark.parametrize('normalization', ['area', 'tensor'])
@pytest.mark.parametrize('prediction_type', ['epsilon', 'v_prediction'])
def test_the_loss_is_that_of_diffusers_training_scripts(prediction_type, normalization):
    """One sample at a time, noised by diffusers' scheduler; only noise and times come from the samples' seeds."""
    model, data = distiller(prediction_type, normalization=normalization), batch()
    parts = tiny_parts(prediction_type)
    scheduler = DDPMScheduler.from_config(parts.scheduler.config)
    total = 0.0
    for i in range(4):
        latents = parts.vae.encode(data['inputs'][[i]]).latent_dist.mode() * parts.vae.config.scaling_factor
        generator = torch.Generator().manual_seed(11 + i)
        time = torch.randint(1000, (), generator=generator)[None]
        noise = torch.randn(latents.shape[1:], generator=generator)[None]
        noisy = scheduler.add_noise(latents, noise, time)
        output = parts.unet(noisy, time, encode_prompts(parts, [PROMPTS[i % 2]])).sample
        target = noise if prediction_type == 'epsilon' else scheduler.get_velocity(latents, noise, time)
        places = data['masks'][i, 0].bool()
        errors = (output - target)[0, :, places].square()
        total += errors.mean() if normalization == 'area' else errors.sum() / output.numel()
    torch.testing.assert_close(model(**data)['loss'], torch.as_tensor(total / 4), rtol=1e-5, atol=1e-6)


def test_sdxl_trains_with_its_pooled_text():
    parts = tiny_family('sdxl')
    model = ConceptDistiller(parts, PROMPTS)
    data = batch()
    latents = encode_images(parts, data['inputs'])
    context = encode_prompts(parts, [PROMPTS[1]])
    generator = torch.Generator().manual_seed(12)
    time = torch.randint(1000, (), generator=generator)[None]
    noise = torch.randn(latents.shape[1:], generator=generator)[None]
    noisy = parts.scheduler.add_noise(latents[[1]], noise, time)
    added = dict(text_embeds=context.pooled, time_ids=torch.tensor([[16.0, 24, 0, 0, 16, 24]]))
    output = parts.unet(noisy, time, context.tokens, added_cond_kwargs=added).sample
    alone = {key: value[[1]] for key, value in data.items()} | dict(masks=torch.ones(1, 1, 8, 12))
    torch.testing.assert_close(model(**alone)['loss'], (output - noise).square().mean(), rtol=1e-5, atol=1e-6)


def test_a_sample_counts_alike_in_every_batch():
    model, data = distiller(), batch()
    whole = model(**data)['loss']
    alone = [model(**{key: value[[i]] for key, value in data.items()})['loss'] for i in range(4)]
    torch.testing.assert_close(whole, torch.stack(alone).mean(), rtol=1e-5, atol=1e-6)


def test_only_the_unet_trains_and_is_saved():
    model = distiller()
    assert all(p.requires_grad for p in model.parameters())
    assert all(name.startswith('unet.') for name in model.state_dict())
    assert len(list(model.parameters())) == len(list(model.unet.parameters()))
    model(**batch())['loss'].backward()
    assert all(p.grad is not None for p in model.unet.parameters())
    frozen = (model.parts.vae, model.parts.text_encoder)
    assert all(not p.requires_grad and p.grad is None for part in frozen for p in part.parameters())
    assert not model.parts.vae.training


def test_accumulated_batches_are_one_batch():
    data = batch(8)
    results = []
    for counts in (1, 4):
        model = distiller()
        optimizer = torch.optim.SGD(model.parameters(), 0.1)
        wrapper = OptimWrapper(optimizer, accumulative_counts=counts)
        wrapper.initialize_count_status(model, 0, 4)
        for part in range(counts):
            some = {key: value[part::counts] for key, value in data.items()}
            model.train_step(some, wrapper)
        results.append(model.state_dict())
    for name, value in results[0].items():
        torch.testing.assert_close(results[1][name], value, rtol=1e-5, atol=1e-6)


def test_checkpointed_gradients_are_the_same():
    plain, saving = distiller(), distiller(gradient_checkpointing=True)
    assert saving.unet.is_gradient_checkpointing
    for model in (plain, saving):
        model(**batch())['loss'].backward()
    expected, found = gradients(plain), gradients(saving)
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, rtol=1e-5, atol=1e-7)


def test_it_runs_under_autocast_with_a_loss_in_single_precision():
    model = distiller()
    with torch.autocast('cpu', torch.bfloat16):
        loss = model(**batch())['loss']
    assert loss.dtype == torch.float32
    loss.backward()
    torch.testing.assert_close(loss, model(**batch())['loss'], rtol=0.05, atol=0)
    assert all(p.grad.dtype == torch.float32 for p in model.parameters())


def test_a_mixed_precision_step_is_nearly_a_full_one(monkeypatch):
    """On the CPU, which MMEngine's wrapper refuses though its autocast serves it."""
    monkeypatch.setattr('mmengine.optim.optimizer.amp_optimizer_wrapper.is_cuda_available', lambda: True)
    origin, results = distiller().state_dict(), []
    for kind, options in ((OptimWrapper, {}), (AmpOptimWrapper, dict(dtype='bfloat16', loss_scale=8.0))):
        model = distiller()
        model.train_step(batch(), kind(optimizer=torch.optim.SGD(model.parameters(), 0.1), **options))
        results.append(torch.cat([(value - origin[name]).flatten() for name, value in model.state_dict().items()]))
    full, mixed = results
    assert not torch.equal(full, mixed)
    assert torch.nn.functional.cosine_similarity(full, mixed, dim=0) > 0.99
    assert 0.95 < mixed.norm() / full.norm() < 1.05


def test_cached_latents_are_the_encoders_in_half_precision(monkeypatch):
    model, data = distiller(latent_cache_mb=1), batch()
    assert model.cache.setting == 'model.latent_cache_mb'
    direct = model._encode(data['inputs'])
    first = model.encode(data['inputs'])
    assert torch.equal(first, direct.half().float())
    monkeypatch.setattr(model, '_encode', None)
    assert torch.equal(model.encode(data['inputs'][[2, 0]]), first[[2, 0]])


def test_copies_are_apart_but_share_what_is_frozen():
    model = distiller(latent_cache_mb=1)
    twin = copy.deepcopy(model)
    assert twin.parts.vae is model.parts.vae
    assert twin.parts.unet is twin.unet is not model.unet
    with torch.no_grad():
        next(twin.parameters()).add_(1)
    assert not torch.equal(next(twin.parameters()), next(model.parameters()))
    stored = pickle.loads(pickle.dumps(model))
    assert torch.equal(stored(**batch())['loss'], model(**batch())['loss'])


def test_it_builds_from_a_config_that_stays_as_it_was(tmp_path):
    save_tiny(tmp_path)
    config = dict(type='ConceptDistiller', generator=str(tmp_path), prompts=list(PROMPTS))
    before = copy.deepcopy(config)
    with DefaultScope.overwrite_default_scope('mmseg'):
        model = MODELS.build(config)
    assert config == before
    direct = ConceptDistiller(load_parts(tmp_path), PROMPTS)
    assert torch.equal(model(**batch())['loss'], direct(**batch())['loss'])


@pytest.mark.parametrize(
    ('settings', 'text'),
    [
        (dict(normalization='mean'), "`normalization` from area, tensor, but got 'mean'"),
        (dict(prompts='a photo of a bird'), "`prompts` to be the object's and the background's"),
        (dict(prompts=['a']), '`prompts`'),
        (dict(latent_cache_mb=-1), '`latent_cache_mb`'),
    ],
)
def test_wrong_settings_are_named(settings, text):
    with pytest.raises(ValueError, match=text):
        ConceptDistiller(tiny_parts(), **dict(prompts=PROMPTS) | settings)


def test_a_consistency_model_is_refused():
    with pytest.raises(UserError, match='a diffusion model to fine-tune, but tiny lcm is a consistency model'):
        ConceptDistiller(tiny_family('lcm'), PROMPTS)


def test_it_does_not_predict():
    with pytest.raises(ValueError, match="`mode` 'loss', but got 'predict'"):
        distiller()(**batch(), mode='predict')
