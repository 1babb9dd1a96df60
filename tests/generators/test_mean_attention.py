"""Mean attention maps against one call of the UNet at a time, their seeds, batches and prompts."""

from __future__ import annotations

import logging

import numpy as np
import pytest
import torch

from mmseg_gen.errors import UserError
from mmseg_gen.generators.mean_attention import MeanAttention, concept_prompt
from tests.tiny_models import tiny_family, tiny_parts

SIZE = (8, 5)
PROMPT = 'a photo of a cat and a potted plant'


def photos(count: int = 2) -> torch.Tensor:
    return torch.randn(count, 4, *SIZE, generator=torch.Generator().manual_seed(3))


class Listener:
    """Computes softmax(QK') of the cross-attention layers from the inputs that they get; shares no code with ours."""

    def __init__(self, unet):
        self.maps, self.hooks = [], []
        for name, module in unet.named_modules():
            if name.endswith('attn2'):
                self.hooks.append(module.register_forward_pre_hook(self.listen, with_kwargs=True))

    def listen(self, layer, args, kwargs):
        hidden, context = args[0], kwargs['encoder_hidden_states']
        width = layer.to_q.out_features // layer.heads
        per_head = []
        for head in range(layer.heads):
            own = slice(head * width, (head + 1) * width)
            query, key = layer.to_q(hidden)[0, :, own], layer.to_k(context)[0, :, own]
            per_head.append(((query @ key.T) / width**0.5).softmax(-1))
        self.maps.append(torch.stack(per_head).mean(0))

    def close(self):
        for hook in self.hooks:
            hook.remove()


def repeated(values: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Repeat cells of a coarse map: the cell of pixel i of n is floor(i m / n)."""
    rows = [i * values.shape[0] // size[0] for i in range(size[0])]
    columns = [i * values.shape[1] // size[1] for i in range(size[1])]
    return values[rows][:, columns]


def loop_map(parts, latents, context, positions, noises, times) -> np.ndarray:
    """Return one photo's mean map, one time after the other, each layer read by hand."""
    total = 0
    for t, noise in zip(times, noises, strict=True):
        level = float(parts.scheduler.alphas_cumprod[t])
        listener = Listener(parts.unet)
        with torch.no_grad():
            parts.unet(level**0.5 * latents + (1 - level) ** 0.5 * noise, t, context)
        listener.close()
        for attention in listener.maps:
            grid = {40: (8, 5), 12: (4, 3)}[len(attention)]
            tokens = attention[:, positions].sum(1).reshape(grid).numpy()
            total = total + repeated(tokens, SIZE) / len(listener.maps) / len(times)
    return total


@pytest.mark.parametrize('prediction_type', ['epsilon', 'v_prediction'])
def test_equals_one_time_and_one_layer_after_the_other(prediction_type):
    parts = tiny_parts(prediction_type)
    prompt = concept_prompt(parts, PROMPT, [['cat'], ['potted plant']])
    mean = MeanAttention(parts, steps=10, used=3, max_batch=4)
    assert prompt.positions == [[5], [8, 9]]
    assert mean.timesteps == [1, 101, 201]
    found = mean.maps(photos(), [prompt, prompt], [7, 8])
    assert found.shape == (2, 2, *SIZE)
    for n, seed in enumerate((7, 8)):
        entropy = np.random.SeedSequence([seed, 0]).generate_state(1, np.uint64)[0]
        generator = torch.Generator().manual_seed(int(entropy) // 2)
        noises = [torch.randn(1, 4, *SIZE, generator=generator) for _ in range(3)]
        for g, positions in enumerate(prompt.positions):
            expected = loop_map(parts, photos()[n : n + 1], prompt.context.tokens, positions, noises, mean.timesteps)
            np.testing.assert_allclose(found[n, g].numpy(), expected, atol=2e-6)


def test_the_default_times_are_those_of_the_paper():
    assert MeanAttention(tiny_parts()).timesteps == list(range(1, 782, 20))


@pytest.mark.parametrize('max_batch', [1, 3, 64])
def test_a_photo_does_not_depend_on_the_batch(max_batch):
    parts = tiny_parts()
    prompts = [concept_prompt(parts, f'a photo of a {name}', [[name]]) for name in ('cat', 'dog')]
    mean = MeanAttention(parts, steps=10, used=2, repeats=2, max_batch=max_batch)
    calls: list[int] = []
    hook = parts.unet.register_forward_pre_hook(lambda module, args: calls.append(len(args[0])))
    together = mean.maps(photos(), prompts, [1, 2])
    hook.remove()
    assert calls == {1: [1] * 8, 3: [3, 3, 2], 64: [8]}[max_batch]
    alone = MeanAttention(parts, steps=10, used=2, repeats=2).maps(photos()[1:], prompts[1:], [2])
    torch.testing.assert_close(together[1:], alone, atol=1e-6, rtol=1e-5)


def test_fewer_steps_and_repeats_are_the_first_of_more():
    parts = tiny_parts()
    prompts = [concept_prompt(parts, 'a photo of a cat', [['cat']])]
    most = MeanAttention(parts, steps=10, used=4, repeats=3).step_maps(photos(1), prompts, [5])
    least = MeanAttention(parts, steps=10, used=2, repeats=2).step_maps(photos(1), prompts, [5])
    assert most.shape == (1, 3, 4, 1, *SIZE)
    torch.testing.assert_close(most[:, :2, :2], least, atol=1e-6, rtol=1e-5)
    assert not torch.allclose(most[:, 0], most[:, 1], atol=1e-6)


def test_tokens_of_all_concepts_sum_to_the_whole():
    parts = tiny_parts()
    prompt = concept_prompt(parts, 'a photo of a cat', [['cat']])
    every = type(prompt)(prompt.context, [list(range(16))])
    found = MeanAttention(parts, steps=10, used=2).maps(photos(1), [every], [0])
    torch.testing.assert_close(found, torch.ones(1, 1, *SIZE), atol=1e-5, rtol=0)


def test_sdxl_and_half_precision_have_maps_too():
    parts = tiny_family('sdxl')
    prompt = concept_prompt(parts, 'a photo of a cat', [['cat']])
    latents = torch.randn(2, 4, 8, 8, generator=torch.Generator().manual_seed(0))
    found = MeanAttention(parts, steps=5, used=2).maps(latents, [prompt] * 2, [1, 2])
    assert found.shape == (2, 1, 8, 8)
    assert (found > 0).all()
    assert (found < 1).all()
    low = tiny_parts()
    full = MeanAttention(low, steps=5, used=2).maps(latents, [concept_prompt(low, 'a cat', [['cat']])] * 2, [1, 2])
    low.unet.to(torch.bfloat16)
    half = MeanAttention(low, steps=5, used=2).maps(latents, [concept_prompt(low, 'a cat', [['cat']])] * 2, [1, 2])
    assert half.dtype == torch.float32
    torch.testing.assert_close(half, full, atol=5e-3, rtol=0)


def test_all_times_may_be_used():
    assert MeanAttention(tiny_parts(), steps=5, used=5).timesteps == [1, 201, 401, 601, 801]


def test_the_network_is_left_as_it_was():
    parts = tiny_parts()
    before = {name: type(p) for name, p in parts.unet.attn_processors.items()}
    MeanAttention(parts, steps=5, used=1).maps(photos(1), [concept_prompt(parts, 'a cat', [['cat']])], [0])
    assert {name: type(p) for name, p in parts.unet.attn_processors.items()} == before


def test_a_word_of_several_tokens_counts_with_all_of_them(caplog):
    parts = tiny_parts()
    with caplog.at_level(logging.WARNING):
        prompt = concept_prompt(parts, 'a photo of a zebra', [['zebra']])
    assert prompt.positions == [[5, 6, 7, 8, 9]]
    assert "'zebra' letter by letter" in caplog.text
    caplog.clear()
    concept_prompt(parts, PROMPT, [['cat', 'potted plant']])
    assert not caplog.records


def test_bad_prompts_name_their_cure():
    parts = tiny_parts()
    with pytest.raises(UserError, match="name its class 'dog'"):
        concept_prompt(parts, 'a photo of a cat', [['dog']])
    with pytest.raises(UserError, match='at least one list of words'):
        concept_prompt(parts, 'a photo of a cat', [[]])
    with pytest.raises(TypeError, match=r"write \['cat'\]"):
        concept_prompt(parts, 'a photo of a cat', ['cat'])


def test_bad_settings_and_inputs_are_refused():
    parts = tiny_parts()
    prompt = concept_prompt(parts, 'a cat', [['cat']])
    two = concept_prompt(parts, 'a cat and a dog', [['cat'], ['dog']])
    mean = MeanAttention(parts, steps=5, used=1)
    for settings in ({'used': 0}, {'used': 51}, {'repeats': 0}, {'max_batch': 0}, {'steps': 0, 'used': 0}):
        with pytest.raises(ValueError, match='Expected `'):
            MeanAttention(parts, **settings)
    with pytest.raises(ValueError, match='consistency model'):
        MeanAttention(tiny_family('lcm'))
    with pytest.raises(ValueError, match='one of `seeds`'):
        mean.maps(photos(), [prompt] * 2, [1])
    with pytest.raises(ValueError, match='one of `prompts`'):
        mean.maps(photos(), [prompt], [1, 2])
    with pytest.raises(ValueError, match='one number of concepts'):
        mean.maps(photos(), [prompt, two], [1, 2])
    with pytest.raises(ValueError, match='at least one'):
        mean.maps(photos()[:0], [], [])
    broken = photos(1)
    broken[0, 0, 0, 0] = float('nan')
    with pytest.raises(ValueError, match='finite attention'):
        mean.maps(broken, [prompt], [1])
