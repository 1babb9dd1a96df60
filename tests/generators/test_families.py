"""SDXL, SSD-1B and LCM of true structure and random weights, against diffusers' own pipelines and schedulers."""

import dataclasses

import pytest
import torch
from diffusers import DDIMInverseScheduler, DDIMScheduler

from mmseg_gen.errors import UserError
from mmseg_gen.generators.capture import AttentionRecorder
from mmseg_gen.generators.conditioning import Conditioning, unet_conditions
from mmseg_gen.generators.consistency import step_generators
from mmseg_gen.generators.features import block_channels, block_names, diffusion_features
from mmseg_gen.generators.inversion import invert_latents
from mmseg_gen.generators.latents import decode_latents, draw_noise
from mmseg_gen.generators.prompts import class_token_positions
from mmseg_gen.generators.sampling import sample_latents
from mmseg_gen.generators.text import encode_prompts
from tests.tiny_models import POOLED, TOKEN_LIMIT, WIDTH, WIDTH_2, tiny_family, tiny_pipeline, tiny_tokenizer

PROMPTS = ['a photo of a cat', 'a red bird and a potted plant']
SIZE = (8, 12)
XL = ('sdxl', 'ssd_1b')
LCM = ('lcm', 'lcm_sdxl')


def embed(parts):
    return encode_prompts(parts, PROMPTS), encode_prompts(parts, [''])


def close(found, expected):
    torch.testing.assert_close(found, expected, atol=1e-4 * expected.abs().max().item(), rtol=1e-4)


@pytest.mark.parametrize('guidance', [1.0, 7.5])
@pytest.mark.parametrize(
    ('family', 'prediction_type'),
    [('sd', 'epsilon'), ('sd', 'v_prediction'), ('sdxl', 'epsilon'), ('sdxl', 'v_prediction'), ('ssd_1b', 'epsilon'),
     ('lcm', 'epsilon'), ('lcm_sdxl', 'epsilon')],
)  # fmt: skip
def test_latents_and_images_equal_the_pipeline_of_diffusers(family, prediction_type, guidance):
    parts = tiny_family(family, prediction_type)
    noise = draw_noise(parts, [1, 2], SIZE)
    options = {} if family == 'lcm' else {'eta': 0.0}
    if family in LCM:
        options['generator'] = step_generators(noise)
    ran = {'latents': noise, 'num_inference_steps': 4, 'guidance_scale': guidance, 'height': 16, 'width': 24}
    expected = tiny_pipeline(parts)(PROMPTS, output_type='latent', **ran, **options).images
    found = sample_latents(parts, *embed(parts), noise, steps=4, guidance=guidance)
    close(found, expected)
    if family in LCM:
        options['generator'] = step_generators(noise)
    images = tiny_pipeline(parts)(PROMPTS, output_type='pt', **ran, **options).images
    assert images.shape == (2, 3, 16, 24)
    assert images.std() > 0.01
    torch.testing.assert_close((decode_latents(parts, found) + 1) / 2, images, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize('zeros', [True, False])
def test_prompts_of_two_encoders_equal_the_pipeline_of_diffusers(zeros):
    parts = dataclasses.replace(tiny_family('sdxl'), force_zeros_for_empty_prompt=zeros)
    tokens, opposite, pooled, opposite_pooled = tiny_pipeline(parts).encode_prompt(PROMPTS, device='cpu')
    found, empty = encode_prompts(parts, PROMPTS), encode_prompts(parts, ['', ''])
    assert found.tokens.shape == (2, TOKEN_LIMIT, WIDTH + WIDTH_2)
    assert found.pooled.shape == (2, POOLED)
    for own, theirs in ((found.tokens, tokens), (found.pooled, pooled), (empty.tokens, opposite),
                        (empty.pooled, opposite_pooled)):  # fmt: skip
        torch.testing.assert_close(own, theirs)
    assert bool(empty.tokens.any()) is not zeros
    # The other prompts of a batch keep theirs.
    mixed = encode_prompts(parts, [PROMPTS[0], ''])
    torch.testing.assert_close(mixed.pooled[0], pooled[0])
    torch.testing.assert_close(mixed.tokens[1], empty.tokens[0])


def test_sizes_of_ones_own_equal_the_pipeline_of_diffusers():
    parts = tiny_family('sdxl')
    noise = draw_noise(parts, [1, 2], SIZE)
    sizes = {'original_size': (40, 30), 'crops_coords_top_left': (2, 5), 'target_size': (16, 24)}
    expected = tiny_pipeline(parts)(
        PROMPTS, latents=noise, num_inference_steps=2, guidance_scale=1.0, output_type='latent', height=16, width=24,
        **sizes,
    ).images  # fmt: skip
    context, _ = embed(parts)
    own = dataclasses.replace(context, time_ids=torch.tensor([[40, 30, 2, 5, 16, 24]]).expand(2, 6))
    found = [sample_latents(parts, c, None, noise, steps=2, guidance=1) for c in (own, context)]
    close(found[0], expected)
    assert (found[0] - found[1]).abs().max() > 1e-3
    default = unet_conditions(parts, noise, context, 1.0)['added_cond_kwargs']
    assert default['time_ids'].tolist() == [[16, 24, 0, 0, 16, 24]] * 2


@pytest.mark.parametrize('family', XL)
def test_pooled_text_counts(family):
    parts = tiny_family(family)
    noise, (context, _) = draw_noise(parts, [1, 2], SIZE), embed(parts)
    swapped = dataclasses.replace(context, pooled=context.pooled.flip(0))
    found = [sample_latents(parts, c, None, noise, steps=2, guidance=1) for c in (context, swapped)]
    assert (found[0] - found[1]).abs().max() > 1e-4


@pytest.mark.parametrize('family', [*XL, 'lcm'])
def test_attention_sums_to_one_and_changes_nothing(family):
    parts = tiny_family(family)
    noise, (context, empty) = draw_noise(parts, [1, 2], SIZE), embed(parts)
    before = dict(parts.unet.attn_processors)
    recorder = AttentionRecorder(parts.unet, SIZE)
    found = sample_latents(parts, context, empty, noise, steps=1, recorder=recorder)
    plain = sample_latents(parts, context, empty, noise, steps=1)
    torch.testing.assert_close(found, plain, atol=1e-5 * plain.abs().max().item(), rtol=1e-5)
    cross = [name for name, _ in parts.unet.named_modules() if name.endswith('.attn2')]
    assert sorted(recorder.cross_layers) == sorted(cross)
    # Maps of all tokens together; the second sample is not the first.
    for maps in recorder.cross_maps([range(TOKEN_LIMIT)] * 2):
        torch.testing.assert_close(maps * TOKEN_LIMIT, torch.ones_like(maps), atol=1e-5, rtol=1e-5)
    levels = recorder.self_levels(1)
    grids = [(8, 12), (4, 6)] if family == 'lcm' else [(4, 6), (2, 3)]
    assert [grid for _, _, grid in levels] == grids
    for _, rows, grid in levels:
        assert rows.shape == (grid[0] * grid[1],) * 2
        torch.testing.assert_close(rows.sum(1), torch.ones(len(rows)), atol=1e-5, rtol=1e-5)
    assert parts.unet.attn_processors == before
    with pytest.raises(RuntimeError, match='stop'), AttentionRecorder(parts.unet, SIZE):
        raise RuntimeError('stop')
    assert parts.unet.attn_processors == before


@pytest.mark.parametrize('family', ['sdxl', 'lcm_sdxl'])
def test_recorders_see_the_samples_under_the_prompt_only(family):
    parts = tiny_family(family)
    noise, (context, empty) = draw_noise(parts, [1, 2], SIZE), embed(parts)
    positions = [class_token_positions(parts.tokenizer, p, c) for p, c in zip(PROMPTS, ('cat', 'bird'), strict=True)]
    recorder, by_hand = AttentionRecorder(parts.unet, SIZE), AttentionRecorder(parts.unet, SIZE)
    sample_latents(parts, context, empty, noise, steps=1, guidance=3.0, recorder=recorder)
    # One step begins at 1 (spacing 'leading', offset 1) with DDIM, at the noisiest with LCM.
    timestep = 1 if family == 'sdxl' else 999
    with torch.no_grad(), by_hand:
        parts.unet(noise, timestep, **unet_conditions(parts, noise, context, 3.0))
    for own, expected in zip(recorder.cross_maps(positions), by_hand.cross_maps(positions), strict=True):
        torch.testing.assert_close(own, expected, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize('family', XL)
@pytest.mark.parametrize('prediction_type', ['epsilon', 'v_prediction'])
def test_inversion_equals_the_inverse_scheduler_of_diffusers(family, prediction_type):
    parts = tiny_family(family, prediction_type)
    context, _ = embed(parts)
    latents = torch.randn(2, 4, *SIZE, generator=torch.Generator().manual_seed(0))
    added = {'text_embeds': context.pooled, 'time_ids': torch.tensor([[16.0, 24, 0, 0, 16, 24]] * 2)}
    inverse = DDIMInverseScheduler.from_config(parts.scheduler.config)
    inverse.set_timesteps(4)
    expected = latents
    with torch.no_grad():
        for t in inverse.timesteps:
            output = parts.unet(expected, t, context.tokens, added_cond_kwargs=added).sample
            expected = inverse.step(output, t, expected).prev_sample
    close(invert_latents(parts, latents, context, steps=4), expected)


def test_features_come_from_the_blocks_that_are_there():
    whole, cut = tiny_family('sdxl'), tiny_family('ssd_1b')
    assert [n for n in block_names(whole.unet) if n.startswith('mid')] == ['mid_block.attentions.0']
    assert not [n for n in block_names(cut.unet) if n.startswith('mid')]
    assert block_names(cut.unet, 'encoder') == [f'down_blocks.{i}.attentions.{j}' for i in (1, 2) for j in (0, 1)]
    images = torch.rand(2, 3, 16, 24, generator=torch.Generator().manual_seed(0)) * 2 - 1
    for parts in (whole, cut):
        context, _ = embed(parts)
        for passes in ('invert', 'reverse'):
            maps = diffusion_features(parts, images, context, steps=2, passes=passes)
            assert [m.shape[1] for m in maps] == block_channels(parts.unet)
            assert {tuple(m.shape[2:]) for m in maps} == {(4, 6), (2, 3)}
            assert all(torch.isfinite(m).all() for m in maps)


@pytest.mark.parametrize('family', LCM)
def test_a_consistency_model_is_told_its_guidance_and_runs_once(family):
    parts = tiny_family(family)
    noise, (context, empty) = draw_noise(parts, [1, 2], SIZE), embed(parts)
    seen = []
    handle = parts.unet.register_forward_pre_hook(lambda m, args, kwargs: seen.append(len(args[0])), with_kwargs=True)
    found = [sample_latents(parts, context, empty, noise, steps=4, guidance=g) for g in (1.0, 7.5)]
    handle.remove()
    assert seen == [2] * 8
    assert (found[0] - found[1]).abs().max() > 1e-3
    alone = sample_latents(parts, context[1:], empty, noise[1:], steps=4, guidance=7.5)
    close(alone, found[1][1:])
    torch.manual_seed(3)
    assert torch.equal(sample_latents(parts, context, empty, noise, steps=4, guidance=7.5), found[1])
    with pytest.raises(ValueError, match=r'`steps` in \[1, 50\] for a consistency model, but got 51'):
        sample_latents(parts, context, empty, noise, steps=51)


def test_a_consistency_model_is_inverted_only_when_read_as_a_diffusion_model():
    parts = tiny_family('lcm')
    context, _ = embed(parts)
    latents = torch.randn(2, 4, *SIZE, generator=torch.Generator().manual_seed(0))
    with pytest.raises(ValueError, match=r'cannot be inverted; use the model .*dataclasses\.replace'):
        invert_latents(parts, latents, context, steps=4)
    ddim = dataclasses.replace(parts, scheduler=DDIMScheduler.from_config(parts.scheduler.config))
    inverse = DDIMInverseScheduler.from_config(ddim.scheduler.config)
    inverse.set_timesteps(4)
    told = tiny_pipeline(parts).get_guidance_scale_embedding(torch.zeros(2), embedding_dim=12)
    expected = latents
    with torch.no_grad():
        for t in inverse.timesteps:
            output = parts.unet(expected, t, context, timestep_cond=told).sample
            expected = inverse.step(output, t, expected).prev_sample
    close(invert_latents(ddim, latents, context, steps=4), expected)


def test_a_class_has_one_place_for_both_tokenizers():
    parts = tiny_family('sdxl')
    for name in ('bird', 'potted plant'):
        found = [class_token_positions(t, PROMPTS[1], name) for t in (parts.tokenizer, parts.tokenizer_2)]
        assert found[0] == found[1]
    other = dataclasses.replace(parts, tokenizer_2=_reversed_tokenizer())
    with pytest.raises(UserError, match=r'split every prompt alike, but they differ on .a photo of a cat'):
        encode_prompts(other, PROMPTS)


def _reversed_tokenizer():
    """Return a tokenizer that numbers words otherwise."""

    class Reversed:
        model_max_length = TOKEN_LIMIT

        def __call__(self, *args, **kwargs):
            batch = tiny_tokenizer()(*args, **kwargs)
            batch['input_ids'] = len(tiny_tokenizer()) - 1 - batch['input_ids']
            return batch

    return Reversed()


def test_a_class_of_several_words_is_the_mean_of_its_tokens():
    parts = tiny_family('sdxl')
    recorder = AttentionRecorder(parts.unet, SIZE)
    noise, (context, empty) = draw_noise(parts, [1, 2], SIZE), embed(parts)
    sample_latents(parts, context, empty, noise, steps=1, recorder=recorder)
    positions = class_token_positions(parts.tokenizer, PROMPTS[1], 'potted plant')
    assert len(positions) >= 2
    whole = recorder.cross_maps([[1], positions])
    each = [recorder.cross_maps([[1], [p]]) for p in positions]
    for layer, maps in enumerate(whole):
        torch.testing.assert_close(maps[1], sum(e[layer][1] for e in each) / len(each))


def test_conditions_of_another_kind_are_refused():
    xl, sd = tiny_family('sdxl'), tiny_family('sd')
    noise = draw_noise(xl, [1, 2], SIZE)
    tokens, plain = encode_prompts(xl, PROMPTS), encode_prompts(sd, PROMPTS)
    with pytest.raises(ValueError, match='with pooled text for tiny sdxl, but got a Tensor'):
        sample_latents(xl, tokens.tokens, None, noise, guidance=1)
    with pytest.raises(ValueError, match='without pooled text for tiny, but got a Conditioning'):
        sample_latents(sd, Conditioning(plain, tokens.pooled), None, noise, guidance=1)
    with pytest.raises(ValueError, match=r'`context` of shape \(2, K, 80\)'):
        sample_latents(xl, tokens[:1], None, noise, guidance=1)
    with pytest.raises(ValueError, match='lacks `pooled`'):
        tokens.followed_by(Conditioning(tokens.tokens))
