from __future__ import annotations

import builtins
import os
import pickle
import sys

import pytest
import torch
from safetensors.torch import save_file

from mmseg_gen.errors import UserError
from mmseg_gen.generators.stylegan2 import load_stylegan2, read_checkpoint, save_stylegan2
from tests.generators.stylegan2.foreign_checkpoints import (
    foreign_modules,
    rosinality_state,
    write_nvidia,
    write_rosinality,
)
from tests.generators.stylegan2.tiny_stylegan2 import tiny_generator


def check_same(model, expected):
    assert model.config == expected.config
    own, other = model.state_dict(), expected.state_dict()
    assert own.keys() == other.keys()
    for key in own:
        assert torch.equal(own[key], other[key]), key
    styles = torch.randn(2, expected.num_layers, 6, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(model.synthesis(styles), expected.synthesis(styles))


@pytest.mark.parametrize('old_form', [False, True])
@pytest.mark.parametrize('resolution', [4, 16])
def test_rosinality_reads_back(tmp_path, resolution, old_form):
    model = tiny_generator(resolution)
    write_rosinality(model, tmp_path / 'g.pt', old_form=old_form)
    check_same(read_checkpoint(tmp_path / 'g.pt'), model)


@pytest.mark.parametrize('protocol', [3, 4])
@pytest.mark.parametrize('clamp', [None, 256])
def test_nvidia_reads_back(tmp_path, clamp, protocol):
    model = tiny_generator(16, clamp=clamp)
    write_nvidia(model, tmp_path / 'g.pkl', protocol)
    assert 'torch_utils' not in sys.modules
    check_same(read_checkpoint(tmp_path / 'g.pkl'), model)


def test_a_missing_mean_style_is_estimated(tmp_path):
    model = tiny_generator(8)
    write_rosinality(model, tmp_path / 'g.pt', mean=False)
    found = read_checkpoint(tmp_path / 'g.pt')
    torch.testing.assert_close(found.mapping.mean_style, model.estimate_mean_style())


def test_safetensors_read_back_frozen(tmp_path):
    model = tiny_generator(8, clamp=3.0)
    save_stylegan2(model, tmp_path / 'g.safetensors')
    assert [path.name for path in tmp_path.iterdir()] == ['g.safetensors']
    found = load_stylegan2(tmp_path / 'g.safetensors')
    check_same(found, model)
    assert not found.training
    assert not any(p.requires_grad for p in found.parameters())
    half = load_stylegan2(tmp_path / 'g.safetensors', dtype=torch.float16)
    z = torch.randn(2, 6, generator=torch.Generator().manual_seed(1))
    image = half(z)
    assert image.dtype == torch.float32
    torch.testing.assert_close(image, model(z), atol=0.02, rtol=0.02)
    assert not torch.equal(image, model(z))


class Hostile:
    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


def hostile(path):
    mark = str(path.parent / 'ran')
    return {
        'system': Hostile(os.system, f'touch {mark}'),
        'eval': Hostile(builtins.eval, f'open({mark!r}, "w")'),
        'getattr': Hostile(builtins.getattr, 'x', 'upper'),
        'nested': Hostile(Hostile, Hostile(os.mkdir, mark)),
        'import': Hostile(__import__, 'antigravity'),
    }


@pytest.mark.parametrize('kind', ['system', 'eval', 'getattr', 'nested', 'import'])
@pytest.mark.parametrize('form', ['pkl', 'pkl2', 'pt', 'old pt', 'storage'])
def test_pickles_that_run_code_are_refused(tmp_path, kind, form):
    path = tmp_path / f'g.{form[-2:]}'
    content = {'G_ema': hostile(path)[kind], 'g_ema': hostile(path)[kind]}
    if form.startswith('pkl'):
        path.write_bytes(pickle.dumps(content, protocol=2 if form == 'pkl2' else 4))
    elif form == 'storage':
        inner = tmp_path / 'inner'
        torch.save(content, inner, _use_new_zipfile_serialization=False)
        path.write_bytes(pickle.dumps({'G_ema': Hostile(torch.storage._load_from_bytes, inner.read_bytes())}))
    else:
        torch.save(content, path, _use_new_zipfile_serialization=form == 'pt')
    with pytest.raises(UserError, match='never run here'):
        read_checkpoint(path)
    assert not (tmp_path / 'ran').exists()
    assert 'antigravity' not in sys.modules


def test_foreign_source_code_is_not_run_even_if_it_can_be_imported(tmp_path):
    write_nvidia(tiny_generator(4), tmp_path / 'g.pkl')
    with foreign_modules():
        read_checkpoint(tmp_path / 'g.pkl')


def test_attributes_of_our_own_functions_cannot_be_set(tmp_path):
    # The name, a dict with one entry, BUILD.
    path = tmp_path / 'g.pkl'
    path.write_bytes(b'\x80\x03ctorch._utils\n_rebuild_tensor_v2\n}X\x01\x00\x00\x00aK\x01sb.')
    with pytest.raises(UserError, match='changes a function'):
        read_checkpoint(path)


@pytest.mark.parametrize(
    'content',
    [
        b'\x80\x04\x8e\xff\xff\xff\xff\xff\xff\xff\x0fabc.',  # a string of 2^60 bytes
        b'\x80\x05\x96\xff\xff\xff\xff\xff\x00\x00\x00abc.',  # a byte array of 2^40 bytes
        b'\x80\x04]r\xff\xff\xff\x7f0.',  # a place of 2^31 in the table of objects
        b'\x80\x04\x95\xff\xff\xff\xff\xff\xff\xff\x0f.',  # a frame of 2^60 bytes
        b'',
        b'no pickle at all',
        b'\x80\x04P1\n.',
    ],
)
def test_streams_that_claim_much_or_are_none_are_refused(tmp_path, content):
    path = tmp_path / 'g.pkl'
    path.write_bytes(content)
    with pytest.raises(UserError, match='whole checkpoint'):
        read_checkpoint(path)


@pytest.mark.parametrize('count', [2**36, 2**50])
def test_storages_larger_than_the_file_are_refused(tmp_path, count):
    # In the old form the size stands beside the name, and the memory is taken before the bytes are read.
    whole = tmp_path / 'whole'
    torch.save({'g_ema': {'a': torch.zeros(1000)}}, whole, _use_new_zipfile_serialization=False)
    said = whole.read_bytes()
    assert said.count(b'M\xe8\x03') >= 1
    path = tmp_path / 'g.pt'
    path.write_bytes(said.replace(b'M\xe8\x03', b'\x8a\x08' + count.to_bytes(8, 'little')))
    with pytest.raises(UserError, match=r'whole checkpoint|fit'):
        read_checkpoint(path)


def test_tensors_stretched_over_few_numbers_are_refused(tmp_path):
    model = tiny_generator(8)
    state = rosinality_state(model)
    state['conv1.activate.bias'] = torch.zeros(1).expand(5)
    torch.save({'g_ema': state}, tmp_path / 'g.pt')
    with pytest.raises(UserError, match='hold all its numbers'):
        read_checkpoint(tmp_path / 'g.pt')
    storage = torch.storage.TypedStorage(
        wrap_storage=torch.zeros(1).untyped_storage(), dtype=torch.float32, _internal=True
    )
    arguments = (storage, 0, (2**40,), (0,), False, {})
    content = {'G_ema': Hostile(torch._utils._rebuild_tensor_v2, *arguments)}
    (tmp_path / 'g.pkl').write_bytes(pickle.dumps(content))
    with pytest.raises(UserError, match='on 1 numbers'):
        read_checkpoint(tmp_path / 'g.pkl')


@pytest.mark.parametrize('form', ['pkl', 'pt', 'old'])
def test_truncated_files_are_refused(tmp_path, form):
    path = tmp_path / 'g'
    if form == 'pkl':
        write_nvidia(tiny_generator(8), path)
    else:
        write_rosinality(tiny_generator(8), path, old_form=form == 'old')
    whole = path.read_bytes()
    for share in (0.3, 0.9, 0.999):
        path.write_bytes(whole[: int(share * len(whole))])
        with pytest.raises(UserError):
            read_checkpoint(path)


@pytest.mark.parametrize(
    ('change', 'match'),
    [
        (lambda s: s.pop('convs.1.activate.bias'), r'1 missing \(synthesis.convs.2.bias\)'),
        (lambda s: s.update({'convs.9.conv.extra': torch.zeros(2)}), r'1 left over \(convs.9.conv.extra\)|left over'),
        (lambda s: s.update({'to_rgb1.bias': torch.zeros(1, 4, 1, 1)}), 'of another shape'),
        (lambda s: s.update({'to_rgbs.0.upsample.kernel': torch.ones(4, 4)}), 'filter 1, 3, 3, 1'),
        (lambda s: s.update({'conv1.activate.bias': torch.full((5,), torch.nan)}), 'finite'),
        (lambda s: s.pop('style.1.weight'), 'no usable'),
        (lambda s: s.clear(), 'no usable'),
    ],
)
def test_weights_that_do_not_fit_are_named(tmp_path, change, match):
    state = rosinality_state(tiny_generator(8))
    change(state)
    torch.save({'g_ema': state}, tmp_path / 'g.pt')
    with pytest.raises(UserError, match=match):
        read_checkpoint(tmp_path / 'g.pt')


@pytest.mark.parametrize(
    ('settings', 'match'),
    [({'c_dim': 10}, '`c_dim` 0'), ({'architecture': 'resnet'}, 'skip'), ({'img_resolution': 64}, 'up to 64')],
)
def test_networks_of_another_kind_are_refused(tmp_path, settings, match):
    write_nvidia(tiny_generator(8), tmp_path / 'g.pkl', **settings)
    with pytest.raises(UserError, match=match):
        read_checkpoint(tmp_path / 'g.pkl')


def test_dicts_without_a_generator_are_refused(tmp_path):
    torch.save({'model': {}}, tmp_path / 'g.pt')
    with pytest.raises(UserError, match='entry `g_ema`, but got model'):
        read_checkpoint(tmp_path / 'g.pt')
    (tmp_path / 'g.pkl').write_bytes(pickle.dumps({'G_ema': 3}))
    with pytest.raises(UserError, match='network `G_ema`'):
        read_checkpoint(tmp_path / 'g.pkl')
    with pytest.raises(FileNotFoundError):
        read_checkpoint(tmp_path / 'none.pkl')


def test_the_loader_takes_our_form_alone(tmp_path):
    write_rosinality(tiny_generator(4), tmp_path / 'g.pt')
    with pytest.raises(UserError, match=r'tools/convert_stylegan2.py'):
        load_stylegan2(tmp_path / 'g.pt')
    save_file({'a': torch.zeros(1)}, tmp_path / 'other.safetensors')
    with pytest.raises(UserError, match='metadata'):
        load_stylegan2(tmp_path / 'other.safetensors')
    save_file({'a': torch.zeros(1)}, tmp_path / 'odd.safetensors', {'stylegan2': '{"resolution": 12}'})
    with pytest.raises(UserError, match='usable sizes'):
        load_stylegan2(tmp_path / 'odd.safetensors')
    with pytest.raises(FileNotFoundError, match='no such file'):
        load_stylegan2(tmp_path / 'none.safetensors')
    with pytest.raises(ValueError, match='`dtype`'):
        load_stylegan2(tmp_path / 'g.pt', dtype=torch.int8)
