import dataclasses
import json
import shutil

import pytest
import torch
from diffusers import EulerDiscreteScheduler, PNDMScheduler
from safetensors.torch import load_file, save_file

from mmseg_gen.errors import UserError
from mmseg_gen.generators import parts as parts_module
from mmseg_gen.generators import sources
from mmseg_gen.generators.parts import EMBEDDED, Parts, load_parts
from tests.tiny_models import (
    POOLED,
    pooled,
    save_tiny,
    tiny_family,
    tiny_parts,
    tiny_scheduler,
    tiny_sdxl_unet,
    tiny_unet,
)

FAR = 'CompVis/stable-diffusion-v1-4'


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    return save_tiny(tmp_path_factory.mktemp('tiny') / 'pipeline', tiny_parts('v_prediction', clip=True))


@pytest.fixture
def copied(folder, tmp_path):
    return shutil.copytree(folder, tmp_path / 'copy')


def test_a_folder_comes_back_with_its_weights(folder):
    expected, found = tiny_parts('v_prediction', clip=True), load_parts(folder)
    for name in ('unet', 'vae', 'text_encoder'):
        module = getattr(found, name)
        assert not module.training
        assert not any(p.requires_grad for p in module.parameters())
        theirs = getattr(expected, name).state_dict()
        assert all(torch.equal(v, theirs[k]) for k, v in module.state_dict().items())
    ids = [p.tokenizer('a red catfish').input_ids for p in (found, expected)]
    assert ids[0] == ids[1]
    pixels = torch.randn(1, 3, 16, 16)
    own, theirs = (pooled(p.clip.model.get_image_features(pixel_values=pixels)) for p in (found, expected))
    torch.testing.assert_close(own, theirs)
    assert found.name == str(folder)


def test_properties_describe_the_model(folder):
    found = load_parts(folder, dtype=torch.bfloat16)
    assert found.prediction_type == 'v_prediction'
    assert (found.latent_scale, found.default_size) == (2, 16)
    assert (found.device, found.dtype) == (torch.device('cpu'), torch.bfloat16)
    assert found.alphas_cumprod.shape == (1000,)
    assert (found.alphas_cumprod.diff() < 0).all()
    assert found.text_encoder.dtype == found.vae.dtype == torch.bfloat16
    assert found.clip.model.dtype == torch.float32
    with pytest.raises(dataclasses.FrozenInstanceError):
        found.name = 'other'


def test_the_embedded_model_is_a_folder_that_can_be_moved(folder, monkeypatch):
    monkeypatch.setenv('MMSEG_GEN_EMBEDDED', str(folder))
    assert load_parts(EMBEDDED).prediction_type == 'v_prediction'
    monkeypatch.setenv('MMSEG_GEN_EMBEDDED', str(folder / 'absent'))
    with pytest.raises(UserError, match=r'absent.*tools/train_embedded\.py'):
        load_parts(EMBEDDED)


def test_a_clip_of_ones_own_and_a_scheduler_of_ones_own(copied):
    scheduler = tiny_scheduler('epsilon')
    clip = shutil.move(copied / 'clip', copied.parent / 'clip')
    assert load_parts(copied).clip is None
    shutil.copytree(copied / 'tokenizer', clip, dirs_exist_ok=True)
    found = load_parts(copied, scheduler=scheduler, clip=clip)
    assert found.scheduler is scheduler
    assert found.clip.tokenizer('a cat').input_ids == found.tokenizer('a cat').input_ids


def test_another_sampler_is_read_as_ddim(copied):
    PNDMScheduler.from_config(tiny_scheduler().config, skip_prk_steps=True).save_pretrained(copied / 'scheduler')
    found = load_parts(copied)
    assert type(found.scheduler).__name__ == 'DDIMScheduler'
    torch.testing.assert_close(found.alphas_cumprod, tiny_scheduler().alphas_cumprod)


@pytest.mark.parametrize('part', ['unet', 'vae', 'text_encoder', 'clip'])
def test_pickles_are_refused_and_the_conversion_named(copied, part):
    for weights in (copied / part).glob('*.safetensors'):
        weights.rename(weights.with_suffix('.bin'))
    with pytest.raises(UserError, match=rf'safetensors in .*{part}.*could execute code.*save_pretrained'):
        load_parts(copied)


def test_a_folder_without_a_part_is_named(copied):
    shutil.rmtree(copied / 'vae')
    with pytest.raises(UserError, match='lacks vae'):
        load_parts(copied)


def test_damaged_weights_are_named(copied):
    weights = copied / 'unet' / 'diffusion_pytorch_model.safetensors'
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(UserError, match='readable unet of'):
        load_parts(copied)


@pytest.mark.parametrize('part', ['unet', 'vae', 'text_encoder', 'clip'])
def test_missing_weights_are_not_filled_with_random_ones(copied, part):
    path = next((copied / part).glob('*.safetensors'))
    weights = load_file(path)
    del weights[sorted(weights)[0]]
    save_file(weights, path, metadata={'format': 'pt'})
    with pytest.raises(UserError, match=r'Expected all weights of .*1 missing \(.*get the weights and the config from'):
        load_parts(copied)


def change(path, edit):
    weights = load_file(path)
    edit(weights, sorted(weights)[-1])
    save_file(weights, path, metadata={'format': 'pt'})


@pytest.mark.parametrize('part', ['unet', 'vae', 'text_encoder'])
def test_weights_of_another_structure_are_named(copied, part):
    path = next((copied / part).glob('*.safetensors'))
    original = load_file(path)
    change(path, lambda weights, key: weights.update({'more.weight': torch.zeros(2)}))
    with pytest.raises(UserError, match=rf'weights of {part} in .*1 left over \(more\.weight\)'):
        load_parts(copied)
    save_file(original, path, metadata={'format': 'pt'})
    change(path, lambda weights, key: weights.update({key: torch.zeros(7, 3)}))
    # transformers 4 tells the name alone.
    with pytest.raises(UserError, match=r'1 of another shape \([a-z_.0-9]+(: \(7, 3\) instead of \(|\))'):
        load_parts(copied)


def edit_json(path, **changes):
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_parts_of_different_models_are_refused(copied):
    shutil.rmtree(copied / 'unet')
    tiny_unet(in_channels=9).save_pretrained(copied / 'unet')
    with pytest.raises(UserError, match=r'unet\.in_channels is 9 and vae\.latent_channels 4.*inpainting'):
        load_parts(copied)
    tiny_unet(cross_attention_dim=48).save_pretrained(copied / 'unet')
    with pytest.raises(UserError, match=r'unet\.cross_attention_dim is 48 and the text encoders together have 32'):
        load_parts(copied)


def test_a_tokenizer_without_its_limit_is_refused(copied):
    edit_json(copied / 'tokenizer' / 'tokenizer_config.json', model_max_length=10**30)
    with pytest.raises(UserError, match=r'stop at the 16 tokens of its text encoder.*tokenizer_config\.json'):
        load_parts(copied)


def test_an_empty_tokenizer_is_refused(copied):
    for path in (copied / 'tokenizer').iterdir():
        if path.name != 'tokenizer_config.json':
            path.unlink()
    with pytest.raises(UserError, match=r'(CLIP.s \d+ tokens, but got|readable tokenizer of)'):
        load_parts(copied)


@pytest.mark.parametrize('name', ['EDMEulerScheduler', 'FlowMatchEulerDiscreteScheduler'])
def test_schedules_that_ddim_cannot_follow_are_refused(copied, name):
    edit_json(copied / 'scheduler' / 'scheduler_config.json', _class_name=name)
    with pytest.raises(UserError, match=f'got {name}; this family is not supported'):
        load_parts(copied)


def test_other_conditions_are_refused(copied):
    edit_json(copied / 'unet' / 'config.json', encoder_hid_dim_type='text_proj', encoder_hid_dim=8)
    with pytest.raises(UserError):
        load_parts(copied)
    shutil.rmtree(copied / 'unet')
    tiny_unet(encoder_hid_dim_type='text_proj', encoder_hid_dim=8).save_pretrained(copied / 'unet')
    with pytest.raises(UserError, match=r"takes other conditions .*encoder_hid_dim_type 'text_proj'"):
        load_parts(copied)


@pytest.fixture(scope='module')
def sdxl(tmp_path_factory):
    folder = save_tiny(tmp_path_factory.mktemp('sdxl') / 'pipeline', tiny_family('sdxl'))
    EulerDiscreteScheduler.from_config(tiny_scheduler().config).save_pretrained(folder / 'scheduler')
    return folder


def test_sdxl_comes_back_whole(sdxl):
    expected, found = tiny_family('sdxl'), load_parts(sdxl)
    for name in ('unet', 'vae', 'text_encoder', 'text_encoder_2'):
        theirs = getattr(expected, name).state_dict()
        assert all(torch.equal(v, theirs[k]) for k, v in getattr(found, name).state_dict().items())
        assert not any(p.requires_grad for p in getattr(found, name).parameters())
    assert type(found.scheduler).__name__ == 'DDIMScheduler'
    assert found.tokenizer_2.pad_token == '!'
    assert found.tokenizer('a cat').input_ids == found.tokenizer_2('a cat').input_ids
    assert found.force_zeros_for_empty_prompt


def test_the_empty_prompt_of_sdxl_follows_its_index(sdxl, tmp_path):
    copied = shutil.copytree(sdxl, tmp_path / 'copy')
    edit_json(copied / 'model_index.json', force_zeros_for_empty_prompt=False)
    assert not load_parts(copied).force_zeros_for_empty_prompt
    (copied / 'model_index.json').unlink()
    assert load_parts(copied).force_zeros_for_empty_prompt


def test_the_autoencoder_of_sdxl_stays_in_float32_where_half_precision_overflows(sdxl, folder, tmp_path):
    found = load_parts(sdxl, dtype=torch.float16)
    assert (found.vae.dtype, found.unet.dtype, found.text_encoder_2.dtype) == (torch.float32, *[torch.float16] * 2)
    assert load_parts(sdxl, dtype=torch.bfloat16).vae.dtype == torch.bfloat16
    assert load_parts(folder, dtype=torch.float16).vae.dtype == torch.float16
    copied = shutil.copytree(sdxl, tmp_path / 'copy')
    edit_json(copied / 'vae' / 'config.json', force_upcast=False)
    assert load_parts(copied, dtype=torch.float16).vae.dtype == torch.float16


@pytest.mark.parametrize('part', ['text_encoder_2', 'tokenizer_2'])
def test_sdxl_without_a_part_is_named(sdxl, tmp_path, part):
    copied = shutil.copytree(sdxl, tmp_path / 'copy')
    shutil.rmtree(copied / part)
    with pytest.raises(UserError, match=f'with the folder {part}, but it has none'):
        load_parts(copied)


def test_an_unet_of_other_sizes_is_refused(sdxl, tmp_path):
    copied = shutil.copytree(sdxl, tmp_path / 'copy')
    tiny_sdxl_unet(projection_class_embeddings_input_dim=5 * 8 + POOLED).save_pretrained(copied / 'unet')
    with pytest.raises(UserError, match=r'embeddings_input_dim is 64 and pooled text and 6 sizes have 72.*refining'):
        load_parts(copied)


def test_a_consistency_model_keeps_its_schedule(tmp_path):
    found = load_parts(save_tiny(tmp_path / 'lcm', tiny_family('lcm')))
    assert type(found.scheduler).__name__ == 'LCMScheduler'
    torch.testing.assert_close(found.alphas_cumprod, tiny_scheduler().alphas_cumprod)


def test_an_offline_miss_says_what_to_download_and_where(monkeypatch, tmp_path):
    monkeypatch.delenv('MMSEG_GEN_DOWNLOAD', raising=False)
    with pytest.raises(UserError, match=rf'hf download {FAR}.*MMSEG_GEN_DOWNLOAD=1.*pass its path'):
        load_parts(FAR)


def test_a_vanished_id_is_looked_for_at_its_mirror():
    with pytest.raises(UserError, match='hf download stable-diffusion-v1-5/stable-diffusion-v1-5'):
        load_parts('runwayml/stable-diffusion-v1-5')
    assert sources.KNOWN['stabilityai/stable-diffusion-2-1'].prediction_type == 'v_prediction'


@pytest.mark.parametrize('name', ['no such folder', 'missing/folder/of/mine', ''])
def test_a_name_that_is_nothing_is_refused(name):
    with pytest.raises(UserError, match='existing folder or a hub id such as CompVis'):
        load_parts(name)


def test_a_wrong_id_is_named():
    # HF_HUB_OFFLINE makes this fail as an unreachable hub does.
    with pytest.raises(UserError, match=r'no-one/nothing could not be read: check the spelling.*Known ids'):
        load_parts('no-one/nothing', local_files_only=False)


@pytest.mark.parametrize(('variable', 'asked', 'offline'), [('1', None, False), ('0', None, True), ('1', True, True)])
def test_the_network_is_used_only_when_asked_for(monkeypatch, variable, asked, offline):
    seen = []

    def stop(name, revision, offline, **options):
        seen.append(offline)
        raise UserError('stop')

    monkeypatch.setenv('MMSEG_GEN_DOWNLOAD', variable)
    monkeypatch.setattr(parts_module, 'resolve_source', stop)
    with pytest.raises(UserError, match='stop'):
        load_parts(FAR, local_files_only=asked)
    assert seen == [offline]


def test_single_files_and_devices_that_are_absent_are_refused(folder, tmp_path):
    single = tmp_path / 'model.safetensors'
    single.write_bytes(b'')
    with pytest.raises(UserError, match='config for the single file'):
        load_parts(single)
    with pytest.raises(UserError, match='`device`'):
        load_parts(folder, device='abacus')
    if not torch.cuda.is_available():
        with pytest.raises(UserError, match='sees no GPU'):
            load_parts(folder, device='cuda:0')


def test_parts_can_be_replaced_one_by_one():
    parts = tiny_parts()
    assert isinstance(dataclasses.replace(parts, name='other'), Parts)
