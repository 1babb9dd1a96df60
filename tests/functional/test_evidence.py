import time

import numpy as np
import pytest

from mmseg_gen.functional.evidence import Evidence, cross_map


def make(seed=0, grid=(5, 7), layers=3):
    rng = np.random.default_rng(seed)
    scale = np.array([1.0, 0.02, 1e-6])[:layers, None, None]
    cross = rng.random((layers, *grid)) * scale
    return Evidence(cross, cross.std((1, 2)), rng.random(grid), rng.random((4, *grid)))


def test_a_file_gives_back_the_arrays_within_half_precision(tmp_path):
    evidence, path = make(), tmp_path / 'a.npz'
    evidence.save(path)
    found = Evidence.load(path)
    for name in ('cross', 'deviation', 'seed_map', 'affinity'):
        array, expected = getattr(found, name), getattr(evidence, name)
        assert array.dtype == np.float32
        bound = np.abs(expected).max(axis=(-2, -1), keepdims=True) if expected.ndim > 1 else 1
        assert (np.abs(array - expected) <= 6e-4 * bound).all()


def test_stored_equals_what_a_file_gives_and_is_stable(tmp_path):
    evidence, path = make(), tmp_path / 'a.npz'
    evidence.save(path)
    found, stored = Evidence.load(path), evidence.stored()
    for name in ('cross', 'deviation', 'seed_map', 'affinity'):
        assert np.array_equal(getattr(found, name), getattr(stored, name))


def test_the_same_evidence_gives_the_same_bytes_at_any_time(tmp_path, monkeypatch):
    make().save(tmp_path / 'a.npz')
    later = time.time() + 1e7
    monkeypatch.setattr(time, 'time', lambda: later)
    monkeypatch.setattr(time, 'localtime', lambda *_: time.gmtime(later))
    make().save(tmp_path / 'b.npz')
    assert (tmp_path / 'a.npz').read_bytes() == (tmp_path / 'b.npz').read_bytes()


def test_saving_leaves_nothing_but_the_file(tmp_path):
    make().save(tmp_path / 'a.npz')
    assert [p.name for p in tmp_path.iterdir()] == ['a.npz']


def test_a_save_that_fails_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / 'a.npz'
    make().save(path)
    before = path.read_bytes()
    monkeypatch.setattr(np, 'savez_compressed', lambda *_, **__: (_ for _ in ()).throw(OSError('disk full')))
    with pytest.raises(OSError, match='disk full'):
        make(1).save(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize('name', ['cross', 'deviation', 'seed_map', 'affinity'])
@pytest.mark.parametrize('value', [np.nan, np.inf])
def test_values_that_are_not_finite_are_refused_by_name(name, value):
    arrays = {n: getattr(make(), n).copy() for n in ('cross', 'deviation', 'seed_map', 'affinity')}
    arrays[name].flat[2] = value
    with pytest.raises(ValueError, match=f'`{name}` to be finite, but got 1'):
        Evidence(**arrays)


@pytest.mark.parametrize('name', ['cross', 'deviation', 'seed_map', 'affinity'])
def test_misfit_shapes_are_refused_by_name(name):
    arrays = {n: getattr(make(), n) for n in ('cross', 'deviation', 'seed_map', 'affinity')}
    arrays[name] = arrays[name][:2] if name != 'cross' else arrays[name][0]
    with pytest.raises(ValueError, match=f'`{name}` of shape'):
        Evidence(**arrays)


def test_damaged_and_foreign_files_are_refused(tmp_path):
    path = tmp_path / 'a.npz'
    make().save(path)
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(ValueError, match=r'a\.npz'):
        Evidence.load(path)
    np.savez(tmp_path / 'b.npz', other=np.zeros(3))
    with pytest.raises(ValueError, match=r'b\.npz'):
        Evidence.load(tmp_path / 'b.npz')
    np.savez(tmp_path / 'c.npz', cross=np.array([{}], object))
    with pytest.raises(ValueError, match=r'c\.npz'):
        Evidence.load(tmp_path / 'c.npz')
    with pytest.raises(FileNotFoundError):
        Evidence.load(tmp_path / 'd.npz')


def test_cross_map_is_the_scaled_mean_of_the_chosen_layers():
    evidence = make()
    mean = evidence.cross[:2].mean(0)
    np.testing.assert_allclose(cross_map(evidence, 2), (mean - mean.min()) / np.ptp(mean), rtol=1e-5, atol=1e-6)


def test_cross_map_of_constant_layers_is_zero():
    evidence = Evidence(np.full((2, 3, 4), 0.2), np.zeros(2), np.zeros((3, 4)), np.zeros((4, 3, 4)))
    assert not cross_map(evidence, 1).any()
