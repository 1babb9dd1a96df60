"""Files of arrays against numpy's own reader."""

from __future__ import annotations

import numpy as np
import pytest

from mmseg_gen.functional.array_files import read_arrays, write_array, write_arrays

VALUES = np.arange(6, dtype=np.float16).reshape(2, 3)


def test_numpy_reads_what_is_written_whatever_the_name(tmp_path):
    for name in ('a.npy', 'a.bin'):
        write_array(tmp_path / name, VALUES)
        np.testing.assert_array_equal(np.load(tmp_path / name, allow_pickle=False), VALUES)
    write_arrays(tmp_path / 'b.bin', {'x': VALUES, 'y': np.array(3)})
    with np.load(tmp_path / 'b.bin', allow_pickle=False) as archive:
        assert sorted(archive.files) == ['x', 'y']
        assert archive['x'].dtype == np.float16
    assert sorted(p.name for p in tmp_path.iterdir()) == ['a.bin', 'a.npy', 'b.bin']


def test_arrays_come_back_by_name_and_refusals_name_the_file(tmp_path):
    write_arrays(str(tmp_path / 'a.npz'), {'x': VALUES})
    np.testing.assert_array_equal(read_arrays(str(tmp_path / 'a.npz'), lambda arrays: arrays['x'], 'x'), VALUES)
    with pytest.raises(ValueError, match=r"Expected one array, but got .*a\.npz: 'y'"):
        read_arrays(tmp_path / 'a.npz', lambda arrays: arrays['y'], 'one array')
    (tmp_path / 'b.npz').write_bytes((tmp_path / 'a.npz').read_bytes()[:-9])
    with pytest.raises(ValueError, match=r'Expected x, but got .*b\.npz'):
        read_arrays(tmp_path / 'b.npz', dict, 'x')
    with pytest.raises(FileNotFoundError):
        read_arrays(tmp_path / 'none.npz', dict, 'x')


def test_objects_are_neither_written_nor_unpickled(tmp_path):
    with pytest.raises(ValueError, match='allow_pickle'):
        write_arrays(tmp_path / 'a.npz', {'x': np.array([{}])})
    np.savez(tmp_path / 'b.npz', x=np.array([{}]))
    with pytest.raises(ValueError, match='Expected x'):
        read_arrays(tmp_path / 'b.npz', dict, 'x')
    assert [p.name for p in tmp_path.iterdir()] == ['b.npz']
