"""Files on a network that other machines change: stale handles, and which file system it is."""

from __future__ import annotations

import errno
import os
import subprocess
from pathlib import Path

import pytest

from mmseg_gen.functional import shared_files
from mmseg_gen.functional.manifest import finished_names, read_shard
from mmseg_gen.functional.shared_files import file_system, retry_stale
from mmseg_gen.functional.writing import create_file, partial_paths, write_bytes


class Stale:
    """Fails a few times as a network file system does, then calls on."""

    def __init__(self, times, function, number=errno.ESTALE):
        self.times, self.function, self.number, self.calls = times, function, number, 0

    def __call__(self, *args, **kwargs):
        self.calls += 1
        if self.calls <= self.times:
            raise OSError(self.number, os.strerror(self.number), str(args[0]))
        return self.function(*args, **kwargs)


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch):
    monkeypatch.setattr(shared_files.time, 'sleep', lambda seconds: None)


@pytest.mark.parametrize('times', [0, 1, 3])
def test_a_stale_handle_is_looked_up_anew(times):
    call = Stale(times, lambda path: f'content of {path}')
    assert retry_stale(call)('a') == 'content of a'
    assert call.calls == times + 1


def test_what_stays_stale_is_missing():
    with pytest.raises(FileNotFoundError) as caught:
        retry_stale(Stale(100, str))('folder/file')
    assert caught.value.filename == 'folder/file'


def test_other_errors_are_raised_at_once():
    call = Stale(1, str, errno.ENOSPC)
    with pytest.raises(OSError, match='No space left'):
        retry_stale(call)('a')
    assert call.calls == 1


def test_folders_and_parts_that_others_took_away_are_empty(tmp_path, monkeypatch):
    always = Stale(10**9, None)
    monkeypatch.setattr('mmseg_gen.functional.manifest.list_names', retry_stale(always))
    monkeypatch.setattr('mmseg_gen.functional.manifest.read_bytes', retry_stale(always))
    assert finished_names(tmp_path) == []
    assert read_shard(tmp_path / 'part') == []


def test_files_are_written_in_spite_of_a_stale_handle(tmp_path, monkeypatch):
    monkeypatch.setattr(os, 'replace', Stale(2, os.replace))
    assert write_bytes(tmp_path / 'a', b'abc') == 3
    assert (tmp_path / 'a').read_bytes() == b'abc'
    create_file(tmp_path / 'b', b'1')
    with pytest.raises(FileExistsError):
        create_file(tmp_path / 'b', b'2')
    assert sorted(path.name for path in tmp_path.iterdir()) == ['a', 'b']


def test_partial_files_are_listed_and_a_folder_that_is_gone_has_none(tmp_path):
    for name in ('.partial-b', '.partial-a', 'a', '.other'):
        (tmp_path / name).touch()
    assert [path.name for path in partial_paths(tmp_path)] == ['.partial-a', '.partial-b']
    assert partial_paths(tmp_path / 'none') == partial_paths(tmp_path / 'a') == []


def test_the_file_system_is_that_of_the_nearest_mount(tmp_path):
    table = tmp_path / 'mounts'
    lines = ['/dev/a / ext4', 'b:/x /data nfs4', 'c /data/my\\040set fuse.sshfs', 'd /data nfs']
    table.write_text(''.join(f'{line} rw 0 0\n' for line in lines))
    expected = {'/': 'ext4', '/home': 'ext4', '/data/a': 'nfs', '/data/my set/a': 'fuse.sshfs', '/database': 'ext4'}
    assert {path: file_system(Path(path), str(table)) for path in expected} == expected
    assert file_system(tmp_path, str(tmp_path / 'none')) == ''


def test_the_file_system_is_the_one_that_findmnt_names(tmp_path):
    command = ['findmnt', '--noheadings', '--output', 'FSTYPE', '--target', str(tmp_path)]
    try:
        expected = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    except (FileNotFoundError, subprocess.CalledProcessError):
        pytest.skip('there is no findmnt')
    assert file_system(tmp_path) == expected[-1]
