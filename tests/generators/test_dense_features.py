"""Dense features against the models' own outputs."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from transformers import CLIPModel, ViTConfig, ViTModel

from mmseg_gen.errors import UserError
from mmseg_gen.generators.clip_prior import clip_pixels
from mmseg_gen.generators.dense_features import clip_values, load_patch_model, patch_features, unet_maps
from mmseg_gen.generators.latents import draw_noise, encode_images
from mmseg_gen.generators.text import encode_prompts
from tests.tiny_models import tiny_clip, tiny_parts


def images(height: int = 16, width: int = 16) -> torch.Tensor:
    return torch.rand(2, 3, height, width, generator=torch.Generator().manual_seed(0)) * 2 - 1


def with_uniform_attention(model: CLIPModel) -> CLIPModel:
    """Queries of zero: every token of the last layer attends to all tokens alike."""
    attention = model.vision_model.encoder.layers[-1].self_attn
    attention.q_proj.weight.data.zero_()
    attention.q_proj.bias.data.zero_()
    return model


def test_the_mean_of_the_values_is_the_output_of_uniform_attention():
    clip = tiny_clip()
    model, caught = with_uniform_attention(clip.model), []
    layer = model.vision_model.encoder.layers[-1]
    handle = layer.self_attn.register_forward_hook(lambda module, args, output: caught.append(output[0]))
    pixels = clip_pixels(images(), 16)
    with torch.no_grad():
        states = model.vision_model(pixel_values=pixels, output_hidden_states=True).hidden_states[-2]
        values = layer.self_attn.out_proj(layer.self_attn.v_proj(layer.layer_norm1(states)))
    handle.remove()
    assert torch.allclose(values.mean(1, keepdim=True).expand_as(caught[0]), caught[0], atol=1e-5)
    dense = clip_values(clip, images())
    with torch.no_grad():
        expected = model.visual_projection(model.vision_model.post_layernorm(values[:, 1:]))
    assert torch.allclose(dense, expected.transpose(1, 2).unflatten(2, (2, 2)), atol=1e-5)


def test_other_sizes_and_scales_give_other_grids():
    clip = tiny_clip()
    assert clip_values(clip, images(24, 16)).shape[-2:] == (3, 2)
    assert clip_values(clip, images(), scale=2).shape[-2:] == (4, 4)
    assert clip_values(clip, images(19, 30)).shape[-2:] == (2, 4)


def test_unet_maps_are_what_the_blocks_return():
    parts, caught = tiny_parts(), []
    handle = parts.unet.up_blocks[-1].attentions[-1].register_forward_hook(lambda m, a, out: caught.append(out[0]))
    found = unet_maps(parts, images(16, 8), timestep=200, seed=3)
    handle.remove()
    assert torch.allclose(found[-1], caught[0])
    latents = encode_images(parts, images(16, 8))
    noised = parts.scheduler.add_noise(latents, draw_noise(parts, [3], (8, 4)), torch.tensor([200]))
    again = []
    handle = parts.unet.up_blocks[-1].attentions[-1].register_forward_hook(lambda m, a, out: again.append(out[0]))
    with torch.no_grad():
        parts.unet(noised, 200, encoder_hidden_states=encode_prompts(parts, ['', '']))
    handle.remove()
    assert torch.allclose(found[-1], again[0], atol=1e-4)


def test_a_local_vision_transformer_gives_its_patches(tmp_path):
    config = ViTConfig(
        hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2, image_size=16, patch_size=4
    )
    ViTModel(config).save_pretrained(tmp_path)
    model = load_patch_model(str(tmp_path))
    found = patch_features(model, images(16, 8))
    assert found.shape == (2, 16, 4, 2)
    mean, deviation = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    pixels = ((images(16, 8) + 1) / 2 - mean.view(3, 1, 1)) / deviation.view(3, 1, 1)
    with torch.no_grad():
        states = model(pixel_values=pixels, interpolate_pos_encoding=True).last_hidden_state
    assert torch.allclose(
        F.normalize(found, dim=1)[1, :, 2, 1], F.normalize(states[1, 1 + 2 * 2 + 1], dim=0), atol=1e-5
    )


def test_a_missing_vision_transformer_is_named(tmp_path):
    with pytest.raises(UserError, match='download it first'):
        load_patch_model(str(tmp_path / 'dino'))
