"""Faults during a synthesis: after each, going on gives the bytes of an undisturbed run, and nothing is made twice."""

from __future__ import annotations

import errno
import os
import random
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from mmseg_gen.engine.synthesis import synthesize
from mmseg_gen.errors import UserError, run_reporting
from mmseg_gen.functional.manifest import read_manifest
from tests.engine.fake_synthesis import BrightLabel, FakeGenerator, fake_config, run_fake, tree


@pytest.fixture(autouse=True)
def _no_waiting_for_the_disk(monkeypatch):
    monkeypatch.setattr(os, 'fsync', lambda handle: None)


@pytest.fixture
def whole(tmp_path):
    run_fake(tmp_path / 'whole')
    return tree(tmp_path / 'whole')


class BreakingGenerator(FakeGenerator):
    """Is interrupted from the keyboard after some batches."""

    def generate(self, samples):
        if len(self.batches) == 2:
            raise KeyboardInterrupt
        return super().generate(samples)


class HangingGenerator(FakeGenerator):
    """Stands still in its first batch until it is told to go on."""

    def __init__(self):
        super().__init__()
        self.hangs, self.go_on = threading.Event(), threading.Event()

    def generate(self, samples):
        self.hangs.set()
        self.go_on.wait(60)
        return super().generate(samples)


@pytest.fixture
def interrupted(tmp_path):
    """Return a set of which one batch of three is missing."""
    with pytest.raises(KeyboardInterrupt):
        run_fake(tmp_path / 'set', generator=BreakingGenerator())
    return tmp_path / 'set'


def sets_after_storms(folder, *arguments):
    """Return how many sets, each equal to a whole one, came out of kills in a process of their own, which forks."""
    script = Path(__file__).with_name('fake_synthesis.py')
    command = [sys.executable, str(script), str(folder), *map(str, arguments)]
    environment = {**os.environ, 'PYTHONPATH': str(script.parents[2])}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return int(done.stdout.splitlines()[-1])


@pytest.mark.parametrize('arguments', [(1, 8), (4, 10), (4, 5, 'elsewhere')])
def test_killed_again_and_again_a_set_comes_out_the_same(tmp_path, arguments):
    assert sets_after_storms(tmp_path, *arguments) >= 1


@pytest.mark.slow
@pytest.mark.parametrize('arguments', [(1, 200), (4, 200), (4, 200, 'elsewhere')])
def test_killed_two_hundred_times_a_set_comes_out_the_same(tmp_path, arguments):
    assert sets_after_storms(tmp_path, *arguments) >= 1


def test_a_full_disk_is_one_line_and_the_run_goes_on_later(tmp_path, whole, monkeypatch, capsys):
    root, write, left = tmp_path / 'set', Path.write_bytes, 0

    def write_until_full(path, content):
        nonlocal left
        left -= 1
        if left < 0:
            write(path, content[: len(content) // 2])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        return write(path, content)

    for room in range(1, 8):
        left = room
        with monkeypatch.context() as full:
            full.setattr(Path, 'write_bytes', write_until_full)
            assert run_reporting('mmseg-gen', lambda: run_fake(root)) == 2
        assert 'but its disk is full: free some space and start again.' in capsys.readouterr().err
        assert not [path for path in root.rglob('.partial-*')]
    run_fake(root)
    assert tree(root) == whole


@pytest.fixture
def small_disk(tmp_path):
    """Return a file system of 64 kB and a function that mounts it again with other options."""
    disk = tmp_path / 'disk'
    disk.mkdir()

    def mount(*options):
        command = ['mount', '-t', 'tmpfs', '-o', ','.join(options), 'none', str(disk)]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0

    if os.geteuid() or not mount('size=64k'):
        pytest.skip('file systems can only be mounted by root')
    yield disk, mount
    # Lazily: the log beside the set stays open.
    subprocess.run(['umount', '-l', str(disk)], check=True)


def test_a_full_file_system_is_one_line_and_the_run_goes_on_later(tmp_path, small_disk, capsys):
    disk, mount = small_disk
    run_fake(tmp_path / 'whole', num_samples=40)
    assert run_reporting('mmseg-gen', lambda: run_fake(disk / 'set', num_samples=40)) == 2
    assert 'but its disk is full' in capsys.readouterr().err
    assert 0 < len(read_manifest(disk / 'set')) < 40
    assert mount('remount', 'size=2m')
    run_fake(disk / 'set', num_samples=40)
    assert tree(disk / 'set') == tree(tmp_path / 'whole')


def test_a_read_only_file_system_is_one_line(small_disk, capsys):
    disk, mount = small_disk
    (disk / 'set').mkdir()
    assert mount('remount', 'ro')
    assert run_reporting('mmseg-gen', lambda: run_fake(disk / 'set')) == 2
    assert 'to be a folder that can be written, but it is read-only' in capsys.readouterr().err


def damage(path, change):
    path.write_bytes(change(path.read_bytes()))


@pytest.mark.parametrize(
    ('names', 'change'),
    [
        ('.work/parts/*', lambda content: content[: len(content) // 2]),
        ('.work/parts/*', lambda content: b''),
        ('.work/parts/000002*', lambda content: b'\xff{]\n' + content.replace(b'cat', b'bat')),
        ('.work/leases/*', lambda content: b''),
        ('.work/leases/*', lambda content: b'nobody'),
        ('.work/run.json', lambda content: content[:5]),
        ('images/*', lambda content: content[:-1]),
        ('evidence/000001*', lambda content: b''),
    ],
    ids=['half parts', 'empty parts', 'changed part', 'empty leases', 'strange leases', 'half run', 'half images',
         'empty evidence'],
)  # fmt: skip
def test_half_written_files_are_made_again(interrupted, whole, names, change):
    found = list(interrupted.glob(names))
    assert found
    for path in found:
        damage(path, change)
    run_fake(interrupted)
    assert tree(interrupted) == whole


def test_a_dead_heartbeat_of_any_content_holds_nobody_up(interrupted, whole):
    (interrupted / '.work/workers').mkdir(exist_ok=True)
    for name, content in {'a': b'', 'b': b'\xff\x00', 'c': b'[1]', 'd': b'{"beat": 3'}.items():
        (interrupted / f'.work/workers/{name}.json').write_bytes(content)
    run_fake(interrupted)
    assert tree(interrupted) == whole


def test_an_interrupted_run_makes_only_what_is_missing(interrupted, whole):
    generator = FakeGenerator()
    run_fake(interrupted, generator=generator)
    assert generator.batches == [[5, 6]]
    assert tree(interrupted) == whole


def test_a_smaller_run_keeps_what_a_larger_one_made(interrupted):
    before = read_manifest(interrupted)
    assert run_fake(interrupted, num_samples=3).made == 0
    assert read_manifest(interrupted) == before


def test_clocks_that_jump_change_nothing(tmp_path, whole, monkeypatch):
    jumps = random.Random(0)
    monkeypatch.setattr(time, 'time', lambda: jumps.uniform(0, 4e9))
    monkeypatch.setattr(time, 'time_ns', lambda: jumps.randrange(4 * 10**18))
    run_fake(tmp_path / 'set')
    assert tree(tmp_path / 'set') == whole


def test_another_process_makes_what_a_hanging_one_holds(tmp_path, whole):
    hanging, quick = HangingGenerator(), FakeGenerator()
    reports = []
    thread = threading.Thread(target=lambda: reports.append(run_fake(tmp_path / 'set', 0, 2, hanging)))
    thread.start()
    assert hanging.hangs.wait(60)
    assert run_fake(tmp_path / 'set', 1, 2, quick).made == 7
    assert tree(tmp_path / 'set').keys() - whole.keys() == {'.work', '.work/workers'} | {
        name for name in tree(tmp_path / 'set') if name.startswith('.work/workers/')
    }
    hanging.go_on.set()
    thread.join(60)
    assert [report.made for report in reports] == [0]
    assert quick.batches[-1] == [0, 1]
    assert tree(tmp_path / 'set') == whole


def test_a_process_that_fails_leaves_its_batch_to_the_others(tmp_path, whole):
    class Broken(FakeGenerator):
        def generate(self, samples):
            raise RuntimeError('the device is lost')

    with pytest.raises(RuntimeError, match='device is lost'):
        run_fake(tmp_path / 'set', 0, 2, Broken())
    generator = FakeGenerator()
    assert run_fake(tmp_path / 'set', 1, 2, generator).made == 7
    assert generator.batches == [[2, 3, 4], [5, 6], [0, 1]]
    assert tree(tmp_path / 'set') == whole


def test_another_batch_size_is_refused_while_a_run_is_at_work(tmp_path, whole):
    first = HangingGenerator()
    thread = threading.Thread(target=lambda: run_fake(tmp_path / 'set', generator=first))
    thread.start()
    assert first.hangs.wait(60)
    for change in ({'batch_size': 2}, {'num_samples': 8}, {'guidance': 1.0}):
        with pytest.raises(UserError, match='Expected all processes in one folder to make the same'):
            run_fake(tmp_path / 'set', **change)
    first.go_on.set()
    thread.join(60)
    assert tree(tmp_path / 'set') == whole


def test_two_runs_started_by_hand_share_the_work(tmp_path, whole):
    config, reports = fake_config(), []

    def run():
        generator = FakeGenerator(seconds=0.05)
        reports.append(synthesize(config, tmp_path / 'set', generator=generator, labeller=BrightLabel()))

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sum(report.made for report in reports) == 7
    assert [report.kept for report in reports] == [7, 7]
    assert tree(tmp_path / 'set') == whole
