from __future__ import annotations

import pytest
import torch
from diffusers import DiffusionPipeline
from safetensors.torch import load_file

from mmseg_gen.generators.parts import load_parts
from mmseg_gen.generators.saving import save_parts
from tests.tiny_models import FAMILIES, tiny_family

MODULES = ('vae', 'unet', 'text_encoder', 'text_encoder_2')


@pytest.mark.parametrize('family', FAMILIES)
def test_what_was_saved_comes_back(tmp_path, family):
    parts = tiny_family(family, clip=True)
    save_parts(parts, tmp_path)
    found = load_parts(tmp_path)
    for name in MODULES:
        ours, theirs = getattr(parts, name), getattr(found, name)
        if ours is None:
            assert theirs is None
            continue
        expected = ours.state_dict()
        assert theirs.state_dict().keys() == expected.keys()
        assert all(torch.equal(value, expected[key]) for key, value in theirs.state_dict().items())
    assert type(found.scheduler) is type(parts.scheduler)
    assert found.prediction_type == parts.prediction_type
    assert found.tokenizer(['a red cat']).input_ids == parts.tokenizer(['a red cat']).input_ids
    assert torch.equal(found.clip.model.logit_scale, parts.clip.model.logit_scale)
    assert not [path for path in tmp_path.rglob('*') if path.suffix in ('.bin', '.pt', '.pth', '.ckpt', '.pkl')]


@pytest.mark.parametrize('family', ['sd', 'sdxl', 'lcm'])
def test_diffusers_reads_the_index_by_itself(tmp_path, family):
    save_parts(tiny_family(family), tmp_path)
    pipeline = DiffusionPipeline.from_pretrained(tmp_path, use_safetensors=True)
    pipeline.set_progress_bar_config(disable=True)
    made = pipeline('a cat', num_inference_steps=2, height=16, width=16, output_type='np').images
    assert made.shape == (1, 16, 16, 3)


def test_half_precision_is_of_the_files_only(tmp_path):
    parts = tiny_family('sd', prediction_type='v_prediction')
    save_parts(parts, tmp_path, torch.float16)
    stored = load_file(tmp_path / 'unet' / 'diffusion_pytorch_model.safetensors')
    own = parts.unet.state_dict()
    assert all(torch.equal(stored[key], value.half()) for key, value in own.items())
    assert all(value.dtype == torch.float32 for value in own.values())
    assert load_parts(tmp_path).prediction_type == 'v_prediction'
