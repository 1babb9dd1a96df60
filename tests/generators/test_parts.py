import dataclasses
import shutil

import pytest
import torch
from diffusers import PNDMScheduler
from safetensors.torch import load_file, save_file

from mmseg_gen.errors import UserError
from mmseg_gen.generators import parts as parts_module
from mmseg_gen.generators import sources
from mmseg_gen.generators.parts import EMBEDDED, Parts, load_parts
from tests.tiny_models import save_tiny, tiny_parts, tiny_scheduler

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
    own, theirs = (p.clip.model.get_image_features(pixel_values=pixels).pooler_output for p in (found, expected))
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
    with pytest.raises(UserError, match='Expected all weights of'):
        load_parts(copied)


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

    def stop(name, revision, offline):
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
    with pytest.raises(UserError, match=r'from_single_file'):
        load_parts(single)
    with pytest.raises(UserError, match='`device`'):
        load_parts(folder, device='abacus')
    if not torch.cuda.is_available():
        with pytest.raises(UserError, match='sees no GPU'):
            load_parts(folder, device='cuda:0')


def test_parts_can_be_replaced_one_by_one():
    parts = tiny_parts()
    assert isinstance(dataclasses.replace(parts, name='other'), Parts)
