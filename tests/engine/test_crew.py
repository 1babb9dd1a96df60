"""Processes that share a folder: every unit once, the dead replaced, no clock trusted."""

from __future__ import annotations

import json
import os
import time
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event
from types import SimpleNamespace

import pytest

from mmseg_gen.engine import crew as crews
from mmseg_gen.engine import presence
from mmseg_gen.engine.crew import Crew
from mmseg_gen.engine.leases import LeaseLost
from mmseg_gen.engine.manifest import settle_manifest
from mmseg_gen.engine.presence import Presence, Timing, Watch
from mmseg_gen.errors import UserError
from tests.engine.interruption import once

TIMING = Timing(beat=0.02, expiry=20.0, poll=0.01)
HASTY = Timing(beat=0.02, expiry=0.3, poll=0.01, hang=0.3)
STILL = Timing(beat=1000.0, expiry=60.0)
UNITS = [f'unit-{number}' for number in range(40)]


def die(worker):
    """End a presence as a kill does: the lock is free, the file stays."""
    worker._over.set()
    worker._thread.join()
    worker._file.close()


@pytest.fixture
def clock(monkeypatch):
    """Give the observers a clock that is set by hand."""
    now = SimpleNamespace(seconds=0.0)
    monkeypatch.setattr(presence, 'time', SimpleNamespace(monotonic=lambda: now.seconds))
    return now


@pytest.fixture
def other_machine(monkeypatch):
    """Let the processes that are entered later, and all observers, be on another machine."""
    return lambda: monkeypatch.setattr(presence, 'boot_id', lambda: 'another machine')


def test_a_place_where_no_folder_can_be_made_is_said(tmp_path, monkeypatch):
    def made(*_, **__):
        raise FileNotFoundError

    # As in /proc.
    monkeypatch.setattr(presence, 'make_folder', made)
    with pytest.raises(FileNotFoundError, match=r'files can be created, but got .*workers; choose'):
        Presence(tmp_path / 'workers', {}, TIMING).__enter__()


def test_who_joins_while_another_tidies_up_stands_in_the_folder(tmp_path, monkeypatch):
    # The file has no content yet: the other one took it for that of a dead process.
    monkeypatch.setattr(presence, '_lock', once(lambda handle: os.unlink(handle.name), presence._lock))
    watch = Watch(tmp_path, TIMING)
    with Presence(tmp_path, {'run': 1}, TIMING) as worker:
        assert watch.ids() == [worker.id]
        assert (watch.look(worker.id).dead, watch.look(worker.id).facts['run']) == (False, 1)
    assert watch.ids() == []


def test_who_stood_still_while_another_settled_clears_nothing_and_ends(tmp_path):
    order = []

    def stand_still(lease):
        order.append('slow')
        quick.settle(lambda own: order.append('quick'))
        assert lease.lost

    with Crew(tmp_path, {'samples': 1}, TIMING) as slow, Crew(tmp_path, {'samples': 1}, HASTY) as quick:
        slow.settle(stand_still)
    assert order == ['slow', 'quick']
    assert list(tmp_path.iterdir()) == []


def test_who_joins_while_another_clears_up_begins_again(tmp_path, monkeypatch):
    replace, cleared = os.replace, []

    def clear_then_replace(source, target):
        if not cleared:
            (tmp_path / 'manifest.jsonl').touch()
            settle_manifest(tmp_path, SimpleNamespace(check=lambda: None, tag=''))
            cleared.append(not os.path.exists(source))
        replace(source, target)

    monkeypatch.setattr(os, 'replace', clear_then_replace)
    with Crew(tmp_path, {'samples': 1}, TIMING):
        assert cleared == [True]
        assert json.loads((tmp_path / '.work/run.json').read_text()) == {'samples': 1}


def test_a_folder_of_sshfs_is_warned_of(tmp_path, monkeypatch, caplog):
    with Crew(tmp_path, {'samples': 1}, TIMING):
        assert caplog.text == ''
    monkeypatch.setattr(crews, 'file_system', lambda path: 'fuse.sshfs')
    with Crew(tmp_path, {'samples': 1}, TIMING):
        assert f'{tmp_path} is mounted by SSHFS, which shows machines different contents' in caplog.text


def work(root, make=None, take=None, together=None, timing=TIMING):
    """Make units as a member of a crew and return those made."""
    made = []
    with Crew(root, {'samples': 40}, timing) as crew:
        if together is not None:
            together.wait()
        for lease in crew.hand_out(UNITS[:take]):
            if lease is not None:
                if make is not None:
                    make(lease.unit)
                lease.finish()
                made.append(lease.unit)
        crew.settle(lambda lease: None)
    return made


def test_every_unit_is_made_once_and_a_slow_one_holds_nobody_up(tmp_path):
    together, others_made, all_others = Barrier(3), [], Event()

    def quickly(unit):
        time.sleep(0.002)
        others_made.append(unit)
        if len(others_made) == len(UNITS) - 1:
            all_others.set()

    with ThreadPoolExecutor(3) as pool:
        ways = [lambda unit: all_others.wait(60), quickly, quickly]
        slow, *quick = pool.map(lambda way: work(tmp_path, way, together=together), ways)
    assert all_others.is_set()
    assert len(slow) == 1
    assert sorted([*slow, *quick[0], *quick[1]]) == sorted(UNITS)
    assert list(tmp_path.iterdir()) == []


def test_units_of_the_dead_are_made_by_others_at_once_on_the_same_machine(tmp_path):
    dead = Crew(tmp_path, {'samples': 40}, STILL)
    dead.__enter__()
    assert next(dead.hand_out(UNITS)).unit == UNITS[0]
    die(dead._presence)
    started = time.monotonic()
    made = work(tmp_path)
    assert made == [*UNITS[1:], UNITS[0]]
    assert time.monotonic() - started < STILL.expiry / 2
    assert list(tmp_path.iterdir()) == []


def test_units_of_the_hanging_are_made_by_others(tmp_path):
    with Crew(tmp_path, {'samples': 40}, TIMING) as hanging:
        lease = next(hanging.hand_out(UNITS[:3]))
        assert sorted(work(tmp_path, take=3, timing=HASTY)) == UNITS[:3]
        with pytest.raises(LeaseLost):
            lease.finish()


def test_a_lease_without_a_name_expires(tmp_path):
    (tmp_path / '.work/leases').mkdir(parents=True)
    (tmp_path / '.work/leases/unit-1.0000').touch()
    assert work(tmp_path, take=3, timing=HASTY) == ['unit-0', 'unit-2', 'unit-1']


def test_on_another_machine_only_a_silent_heart_is_dead(tmp_path, clock, other_machine):
    watch = Watch(tmp_path, STILL)
    with Presence(tmp_path, {}, STILL) as worker:
        other_machine()
        sighting = watch.look(worker.id)
        assert (sighting.dead, sighting.certain) == (False, False)
        clock.seconds = 59.0
        assert not watch.look(worker.id).dead
        worker.tell(beat=1)
        worker._write(worker._file)
        clock.seconds = 61.0
        sighting = watch.look(worker.id)
        assert (sighting.dead, sighting.certain, sighting.silent) == (False, True, 0.0)
        clock.seconds = 121.0
        assert watch.look(worker.id).dead
    assert watch.ids() == []


@pytest.mark.parametrize('wall', [0.0, 4e9])
def test_set_clocks_change_nothing(tmp_path, clock, other_machine, monkeypatch, wall):
    watch = Watch(tmp_path, STILL)
    with Presence(tmp_path, {}, STILL) as worker:
        other_machine()
        monkeypatch.setattr(time, 'time', lambda: wall)
        watch.look(worker.id)
        os.utime(tmp_path / f'{worker.id}.json', (wall, wall))
        clock.seconds = 59.0
        assert not watch.look(worker.id).dead
        os.utime(tmp_path / f'{worker.id}.json', (5e8, 5e8))
        clock.seconds = 60.0
        assert watch.look(worker.id).dead


def test_who_was_taken_for_dead_comes_back(tmp_path):
    with Presence(tmp_path, {}, TIMING) as worker:
        (tmp_path / f'{worker.id}.json').unlink()
        deadline = time.monotonic() + 10
        while not Watch(tmp_path, TIMING).ids() and time.monotonic() < deadline:
            time.sleep(0.01)
        assert not Watch(tmp_path, TIMING).look(worker.id).dead


def test_another_run_is_refused_by_name_while_it_lives(tmp_path):
    with Crew(tmp_path, {'samples': 40, 'batch_size': 3}, TIMING) as first:
        with pytest.raises(UserError, match='with batch_size = 3, not 4; wait for it'):
            Crew(tmp_path, {'samples': 40, 'batch_size': 4}, TIMING).__enter__()
        assert first.has_others() is False
        die(first._presence)
        with Crew(tmp_path, {'samples': 40, 'batch_size': 4}, STILL) as second:
            assert not second.has_others()


def test_another_run_on_another_machine_is_waited_for_and_refused(tmp_path, other_machine):
    with Crew(tmp_path, {'samples': 40}, TIMING):
        other_machine()
        with pytest.raises(UserError, match='with samples = 40, not 41'):
            Crew(tmp_path, {'samples': 41}, TIMING).__enter__()


def test_what_comes_last_is_done_again_after_a_death(tmp_path):
    dead = Crew(tmp_path, {'samples': 1}, STILL)
    dead.__enter__()
    dead._claim('~settle', {}, {})
    die(dead._presence)
    done = []
    with Crew(tmp_path, {'samples': 1}, STILL) as crew:
        crew.settle(lambda lease: done.append(lease.generation))
    assert done == [1]
    assert list(tmp_path.iterdir()) == []
