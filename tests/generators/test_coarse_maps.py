"""Coarse probabilities without a segmentor, against the same quantities taken another way."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mmseg_gen.generators.capture import AttentionRecorder
from mmseg_gen.generators.coarse_maps import attention_probabilities, clip_probabilities
from mmseg_gen.generators.dense_features import clip_values
from mmseg_gen.generators.latents import draw_noise, encode_images
from mmseg_gen.generators.text import encode_prompts
from tests.tiny_models import pooled, tiny_clip, tiny_parts


def picture() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 255, (16, 24, 3), dtype=np.uint8)


def pixels() -> torch.Tensor:
    return torch.from_numpy(picture()).permute(2, 0, 1)[None].float() / 127.5 - 1


def test_clip_probabilities_are_a_softmax_of_cosines():
    clip, names = tiny_clip(), ['cat', 'potted plant']
    found = clip_probabilities(clip, picture(), names, scale=1.0, background=['background', 'photo'])
    values = clip_values(clip, pixels())[0]
    texts = []
    for word in ('background', 'photo', *names):
        tokens = clip.tokenizer([f'a photo of a {word}'], padding=True, return_tensors='pt')
        with torch.no_grad():
            texts.append(pooled(clip.model.get_text_features(**tokens))[0])
    cosine = torch.stack([torch.cosine_similarity(values, t[:, None, None], dim=0) for t in texts])
    three = torch.stack([torch.maximum(cosine[0], cosine[1]), cosine[2], cosine[3]])
    resized = torch.nn.functional.interpolate(three[None], (16, 24), mode='bilinear')[0]
    expected = (resized * clip.model.logit_scale.exp()).softmax(0)
    assert np.allclose(found, expected.detach().numpy(), atol=1e-4)
    assert np.allclose(found.sum(0), 1, atol=1e-5)


def test_attention_probabilities_are_spread_cross_maps():
    parts, background = tiny_parts(), 0.4
    found = attention_probabilities(parts, picture(), ['cat', 'dog'], background=background)
    latents = encode_images(parts, pixels())
    noised = parts.scheduler.add_noise(latents, draw_noise(parts, [0], (8, 12)), torch.tensor([100]))
    for i, name in enumerate(('cat', 'dog')):
        with torch.no_grad(), AttentionRecorder(parts.unet, (8, 12)) as recorder:
            parts.unet(noised, 100, encoder_hidden_states=encode_prompts(parts, [f'a photo of a {name}']))
        maps = [
            torch.nn.functional.interpolate(m[None], (8, 12), mode='bilinear')[0, 0] for m in recorder.cross_maps([[5]])
        ]
        _, attention, grid = recorder.self_levels(0)[0]
        assert grid == (8, 12)
        spread = (attention @ torch.stack(maps).mean(0).flatten()).view(grid)
        scaled = ((spread - spread.min()) / (spread.max() - spread.min()))[None, None]
        s = torch.nn.functional.interpolate(scaled, (16, 24), mode='bilinear')[0, 0].numpy().clip(0, 1)
        odds = s * (1 - background) / (background * np.maximum(1 - s, 1e-3))
        assert np.allclose(found[1 + i] / found[0], odds, rtol=0.02, atol=1e-3)
    assert np.allclose(found.sum(0), 1, atol=1e-5)


def test_a_wrong_background_is_refused():
    with pytest.raises(ValueError, match='Expected `background`'):
        attention_probabilities(tiny_parts(), picture(), ['cat'], background=1.0)
    with pytest.raises(ValueError, match=r'`timestep` in \[0, 1000\), but got 1000'):
        attention_probabilities(tiny_parts(), picture(), ['cat'], timestep=1000)
