"""The cache on disk: right features or none, whatever other settings, models, processes and kills left there."""

from __future__ import annotations

import copy
import json
import multiprocessing
import pickle

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

from mmseg_gen.errors import UserError
from mmseg_gen.generators.fingerprint import weights_fingerprint
from mmseg_gen.models.backbones import DiffusionBackbone, diffusion_backbone
from mmseg_gen.models.backbones.disk_feature_cache import DiskFeatureCache
from tests.tiny_models import tiny_parts


class Recorder:
    """Two maps that depend on the image, and a count of the images computed."""

    def __init__(self) -> None:
        self.images = 0

    def __call__(self, images: torch.Tensor) -> list[torch.Tensor]:
        self.images += len(images)
        return [images[:, :, ::2, ::2] * 1.001, images.mean(dim=(2, 3), keepdim=True)]


class Forbidden:
    """Fails where a hit was due."""

    def __call__(self, images):
        raise AssertionError('computed again')


@pytest.fixture
def images() -> torch.Tensor:
    return torch.randn(3, 3, 8, 12, generator=torch.Generator().manual_seed(0))


def cache_of(folder, max_mb=1.0, **settings):
    return DiskFeatureCache(folder, {'steps': 4, **settings}, max_mb)


def test_another_run_reads_what_one_has_written(images, tmp_path):
    first = cache_of(tmp_path).fetch(images, Recorder())
    again = cache_of(tmp_path)
    second = again.fetch(images.flip(0), Forbidden())
    for a, b, expected in zip(first, second, Recorder()(images), strict=True):
        assert torch.equal(a, b.flip(0))
        assert torch.equal(a, expected.half().float())
    assert again.report() == {**again.report(), 'samples': 3, 'hits': 3, 'misses': 0}


def test_files_are_half_precision_and_counted(images, tmp_path):
    cache = cache_of(tmp_path)
    cache.fetch(images, Recorder())
    files = sorted(tmp_path.rglob('*.safetensors'))
    assert len(files) == len(cache) == 3
    assert cache.num_bytes == sum(f.stat().st_size for f in files) == cache_of(tmp_path).num_bytes
    assert {name: (x.dtype, x.shape) for name, x in load_file(files[0]).items()} == {
        '0': (np.float16, (3, 4, 6)), '1': (np.float16, (3, 1, 1)),
    }  # fmt: skip


@pytest.mark.parametrize('change', [{'steps': 5}, {'weights': 'b'}])
def test_other_settings_and_models_have_a_folder_of_their_own(images, tmp_path, change):
    cache_of(tmp_path).fetch(images, Recorder())
    compute = Recorder()
    other = cache_of(tmp_path, **change)
    other.fetch(images, compute)
    assert compute.images == 3
    assert other.path.parent == tmp_path
    assert len([p for p in tmp_path.iterdir() if p.is_dir()]) == 2


@pytest.mark.parametrize(
    'damage',
    [
        lambda content: b'',
        lambda content: content[:7],
        lambda content: content[: len(content) // 2],
        lambda content: content[:-1],
        lambda content: content[:-4] + bytes([content[-4] ^ 1]) + content[-3:],
        lambda content: content[:-8] + bytes(8),
    ],
    ids=['empty', 'no header', 'half', 'one byte short', 'a bit changed', 'a block of zeros'],
)
def test_damaged_files_are_written_anew(images, tmp_path, damage):
    expected = cache_of(tmp_path).fetch(images, Recorder())
    file = sorted(tmp_path.rglob('*.safetensors'))[1]
    whole = file.read_bytes()
    file.write_bytes(damage(whole))
    compute, cache = Recorder(), cache_of(tmp_path)
    got = cache.fetch(images, compute)
    assert compute.images == 1
    assert all(torch.equal(a, b) for a, b in zip(expected, got, strict=True))
    assert file.read_bytes() == whole
    assert cache.num_bytes == cache_of(tmp_path).num_bytes


def test_what_a_killed_writer_left_is_not_read(images, tmp_path):
    cache = cache_of(tmp_path)
    file = cache.file_of(b'\x01' * 16)
    file.parent.mkdir()
    (file.parent / f'.partial-x-{file.name}').write_bytes(b'half')
    assert len(cache_of(tmp_path)) == 0
    assert cache_of(tmp_path).num_bytes == 0


def test_a_folder_that_says_something_else_is_refused(tmp_path):
    path = cache_of(tmp_path).path / 'settings.json'
    assert json.loads(path.read_text())['steps'] == 4
    path.write_text('{}')
    with pytest.raises(UserError, match=r'settings\.json to hold the settings'):
        cache_of(tmp_path)
    (tmp_path / 'file').write_text('')
    with pytest.raises(UserError, match='cache_features` to be a folder that can be written'):
        cache_of(tmp_path / 'file')
    with pytest.raises(ValueError, match='max_cache_mb` to be more than 0, but got 0'):
        cache_of(tmp_path, max_mb=0)


def test_the_limit_holds(images, tmp_path):
    cache_of(tmp_path / 'a').fetch(images[:1], Recorder())
    size = next((tmp_path / 'a').rglob('*.safetensors')).stat().st_size
    cache, compute = cache_of(tmp_path / 'b', max_mb=(2.2 * size + 1024) / 2**20), Recorder()
    cache.fetch(images, compute)
    cache.fetch(images, compute)
    assert len(cache) == len([*(tmp_path / 'b').rglob('*.safetensors')]) == 2
    assert compute.images == 4


def test_values_beyond_half_precision_stay_finite(images, tmp_path):
    cache_of(tmp_path).fetch(images[:1], lambda x: [x * 1e6])
    (got,) = cache_of(tmp_path).fetch(images[:1], Forbidden())
    assert torch.equal(got, images[:1] * 1e6)


def test_copies_read_the_same_files(images, tmp_path):
    cache = cache_of(tmp_path)
    cache.fetch(images, Recorder())
    for other in (copy.deepcopy(cache), pickle.loads(pickle.dumps(cache))):
        for got, expected in zip(other.fetch(images, Forbidden()), Recorder()(images), strict=True):
            assert torch.equal(got, expected.half().float())


def fill(folder, seed):
    torch.set_num_threads(1)
    images = torch.randn(24, 3, 8, 12, generator=torch.Generator().manual_seed(0))
    order = torch.randperm(24, generator=torch.Generator().manual_seed(seed))
    cache = cache_of(folder)
    for part in images[order].split(2):
        for got, expected in zip(cache.fetch(part, Recorder()), Recorder()(part), strict=True):
            assert torch.equal(got, expected.half().float())


def test_processes_may_write_at_the_same_time(tmp_path):
    context = multiprocessing.get_context('fork')
    processes = [context.Process(target=fill, args=(tmp_path, seed)) for seed in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0, 0]
    images = torch.randn(24, 3, 8, 12, generator=torch.Generator().manual_seed(0))
    cache = cache_of(tmp_path)
    cache.fetch(images, Forbidden())
    assert len(cache) == 24
    assert not [*tmp_path.rglob('.partial-*')]


@pytest.fixture
def generators(monkeypatch):
    """Let the backbone's generator be 'a' or 'b', two sets of tiny random weights."""
    made = {name: tiny_parts(seed=seed) for seed, name in enumerate('ab')}
    monkeypatch.setattr(diffusion_backbone, 'shared_parts', lambda name, *rest: made[name])
    return made


def count_features(backbone, monkeypatch):
    calls = []
    plain = backbone._features
    monkeypatch.setattr(backbone, '_features', lambda parts, some: calls.append(len(some)) or plain(parts, some))
    return calls


@pytest.mark.parametrize('passes', ['invert', 'reverse'])
def test_a_backbone_with_files_equals_one_without(generators, tmp_path, monkeypatch, passes):
    images = torch.randn(2, 3, 16, 12, generator=torch.Generator().manual_seed(0)).clamp(-1, 1)
    settings = dict(generator='a', steps=2, passes=passes)
    expected = DiffusionBackbone(**settings)(images)
    DiffusionBackbone(**settings, cache_features=str(tmp_path))(images)
    cached = DiffusionBackbone(**settings, cache_features=str(tmp_path))
    calls = count_features(cached, monkeypatch)
    for got, value in zip(cached(images), expected, strict=True):
        assert torch.equal(got, value.half().float())
    assert calls == []


@pytest.mark.parametrize(
    'change',
    [dict(generator='b'), dict(steps=3), dict(passes='reverse'), dict(blocks=[0]), dict(fixed_point=1)],
    ids=lambda change: next(iter(change)),
)
def test_a_backbone_never_reads_what_another_wrote(generators, tmp_path, monkeypatch, change):
    images = torch.randn(2, 3, 16, 16, generator=torch.Generator().manual_seed(0)).clamp(-1, 1)
    settings = dict(generator='a', steps=2, passes='invert', cache_features=str(tmp_path))
    DiffusionBackbone(**settings)(images)
    other = DiffusionBackbone(**{**settings, **change})
    calls = count_features(other, monkeypatch)
    other(images)
    assert calls == [2]


def test_every_weight_counts(generators):
    before = weights_fingerprint(generators['a'])
    assert before == weights_fingerprint(tiny_parts(seed=0)) != weights_fingerprint(generators['b'])
    parameters = [*generators['a'].unet.parameters()]
    with torch.no_grad():
        parameters[len(parameters) // 2].view(-1)[0] += 1e-3
    assert weights_fingerprint(generators['a']) != before


def test_clip_counts_where_it_is_asked():
    parts, other = tiny_parts(clip=True), tiny_parts(clip=True)
    with torch.no_grad():
        next(other.clip.model.parameters()).add_(1)
    assert weights_fingerprint(parts) == weights_fingerprint(other)
    assert weights_fingerprint(parts, with_clip=True) != weights_fingerprint(other, with_clip=True)


def test_weights_in_bfloat16_have_a_fingerprint():
    parts = tiny_parts()
    before = weights_fingerprint(parts)
    parts.unet.to(torch.bfloat16)
    assert weights_fingerprint(parts) != before
