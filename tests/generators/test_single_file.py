import re
import shutil
import subprocess
import sys

import pytest
import torch
from diffusers import StableDiffusionPipeline
from safetensors.torch import load_file, save_file
from transformers import CLIPTextModel

from mmseg_gen.errors import UserError
from mmseg_gen.generators.parts import load_parts
from tests.references.ldm_layout import ldm_weights, open_clip
from tests.tiny_models import save_tiny, tiny_family

NETWORKS = ('unet', 'vae', 'text_encoder', 'text_encoder_2')


def write_single(folder, family):
    """Write ``model.safetensors`` and beside it the folder ``model`` with configs and no weights."""
    config = save_tiny(folder / 'model', tiny_family(family))
    for weights in config.rglob('*.safetensors'):
        weights.unlink()
    save_file(ldm_weights(tiny_family(family)), folder / 'model.safetensors')
    return folder / 'model.safetensors'


@pytest.fixture(scope='module')
def written(tmp_path_factory):
    return write_single(tmp_path_factory.mktemp('single'), 'sd')


@pytest.fixture
def single(written, tmp_path):
    shutil.copytree(written.with_suffix(''), tmp_path / 'model')
    return shutil.copy(written, tmp_path / 'model.safetensors')


def assert_equal_weights(found, expected):
    for name in NETWORKS:
        theirs, own = getattr(expected, name), getattr(found, name)
        assert (theirs is None) == (own is None)
        if theirs is not None:
            assert own.state_dict().keys() == theirs.state_dict().keys()
            assert all(torch.equal(v, theirs.state_dict()[k]) for k, v in own.state_dict().items())
            assert not own.training
            assert not any(p.requires_grad for p in own.parameters())


@pytest.mark.parametrize('family', ['sd', 'sdxl', 'ssd_1b'])
def test_a_single_file_gives_back_every_weight(family, tmp_path):
    path = write_single(tmp_path, family)
    found = load_parts(path)
    assert_equal_weights(found, tiny_family(family))
    assert found.name == str(path)
    assert found.force_zeros_for_empty_prompt == (family != 'sd')
    moved = shutil.move(tmp_path / 'model', tmp_path / 'elsewhere')
    assert load_parts(path, config=moved, dtype=torch.bfloat16).unet.dtype == torch.bfloat16


def test_the_reader_of_diffusers_agrees(single):
    pipeline = StableDiffusionPipeline.from_single_file(
        str(single), config=str(single.with_suffix('')), local_files_only=True, safety_checker=None,
        feature_extractor=None,
    )  # fmt: skip
    found = load_parts(single)
    for name in NETWORKS[:3]:
        theirs = getattr(pipeline, name).state_dict()
        assert all(torch.equal(v, theirs[k]) for k, v in getattr(found, name).state_dict().items())


def test_the_open_clip_of_stable_diffusion_2_is_read(single):
    weights = {k: v for k, v in load_file(single).items() if not k.startswith('cond_stage_model')}
    encoder = tiny_family('sd').text_encoder
    projected = encoder.state_dict() | {'text_projection.weight': torch.eye(encoder.config.hidden_size)}
    save_file(weights | {k: v.contiguous() for k, v in open_clip(projected, 'cond_stage_model.model.').items()}, single)
    found = load_parts(single)
    assert isinstance(found.text_encoder, CLIPTextModel)
    assert_equal_weights(found, tiny_family('sd'))


def test_other_entries_of_real_files_do_no_harm(single):
    extra = {'model_ema.decay': torch.zeros(1), 'alphas_cumprod': torch.zeros(1000)}
    extra['cond_stage_model.transformer.text_model.embeddings.position_ids'] = torch.arange(16)[None]
    save_file(load_file(single) | extra, single)
    assert_equal_weights(load_parts(single), tiny_family('sd'))


def test_without_a_config_the_error_names_what_to_give(single):
    shutil.rmtree(single.with_suffix(''))
    with pytest.raises(UserError, match=rf'config for the single file.*config=FOLDER.*{re.escape(str(single)[:-12])}'):
        load_parts(single)
    with pytest.raises(UserError, match='`config` to be an existing folder or a hub id'):
        load_parts(single, config=single.parent / 'absent')
    with pytest.raises(UserError, match='hf download some/model'):
        load_parts(single, config='some/model')


def test_a_config_belongs_to_a_single_file(single):
    with pytest.raises(UserError, match='`config` with a single file only'):
        load_parts('CompVis/stable-diffusion-v1-4', config=single.with_suffix(''))
    shutil.rmtree(single.with_suffix('') / 'scheduler')
    with pytest.raises(UserError, match=r'config folder .* lacks scheduler'):
        load_parts(single)


def test_a_pickle_is_refused_with_a_conversion_that_works(single):
    pickle = single.with_suffix('.ckpt')
    torch.save({'state_dict': load_file(single), 'global_step': 3}, pickle)
    single.unlink()
    with pytest.raises(UserError, match='could execute code; convert it once') as caught:
        load_parts(pickle)
    command = re.search(r'python -c "(.*)"$', str(caught.value))[1]
    subprocess.run([sys.executable, '-c', command], check=True)
    assert_equal_weights(load_parts(single), tiny_family('sd'))


def change(path, edit):
    weights = load_file(path)
    edit(weights)
    save_file(weights, path)


@pytest.mark.parametrize(
    ('edit', 'message'),
    [
        (lambda w: w.pop('model.diffusion_model.out.2.weight'), r'unet in .*1 missing \(conv_out\.weight\)'),
        (lambda w: w.pop('first_stage_model.encoder.conv_in.bias'), r'vae in .*1 missing \(encoder\.conv_in\.bias\)'),
        (lambda w: w.pop('cond_stage_model.transformer.text_model.final_layer_norm.bias'),
         r'text_encoder in .*1 missing \(.*final_layer_norm\.bias\)'),
        (lambda w: w.update({'model.diffusion_model.out.2.bias': torch.zeros(9)}),
         r'1 of another shape \(conv_out\.bias: \(9,\) instead of \(4,\)\)'),
        (lambda w: w.update({'model.diffusion_model.input_blocks.1.1.extra': torch.zeros(9)}),
         r'1 left over \(.*extra'),
    ],
)  # fmt: skip
def test_weights_that_do_not_fit_the_config_are_named(single, edit, message):
    change(single, edit)
    with pytest.raises(UserError, match=f'{message}.*give as `config` a folder of the model family'):
        load_parts(single)


@pytest.mark.parametrize(('family', 'config'), [('sd', 'sdxl'), ('sdxl', 'sd'), ('sdxl', 'ssd_1b'), ('sd', 'lcm')])
def test_the_config_of_another_family_is_refused(family, config, tmp_path):
    path = write_single(tmp_path, family)
    other = save_tiny(tmp_path / 'other', tiny_family(config))
    with pytest.raises(UserError, match=r'all weights of unet in .* to fit its config.*give as `config`'):
        load_parts(path, config=other)


def test_a_file_that_is_no_whole_model_is_refused(single):
    save_file({'conv_in.weight': torch.zeros(1)}, single)
    with pytest.raises(UserError, match=r'whole text-to-image model in the LDM layout.*got conv_in\.weight'):
        load_parts(single)
    single.write_bytes(b'nothing')
    with pytest.raises(UserError, match='readable safetensors file'):
        load_parts(single)


def test_nothing_of_a_file_without_a_text_encoder_is_made_up(single):
    save_file({k: v for k, v in load_file(single).items() if 'cond_stage' not in k}, single)
    with pytest.raises(UserError, match=r'text_encoder in .*none of its names'):
        load_parts(single)
