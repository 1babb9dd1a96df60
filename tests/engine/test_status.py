from __future__ import annotations

import json
import os
import threading

import pytest

from mmseg_gen.cli.main import main
from mmseg_gen.engine import presence
from mmseg_gen.engine.presence import Presence, Timing
from mmseg_gen.engine.status import Observer
from mmseg_gen.functional.manifest import Entry, entry_to_line
from tests.engine.fake_synthesis import QUICK, run_fake
from tests.engine.test_faults import BreakingGenerator, HangingGenerator

STILL = Timing(beat=1000.0)


def write_set(root, total=100):
    """Write a set of which 7 of ``total`` samples are done."""
    parts = root / '.work/parts'
    parts.mkdir(parents=True)
    (root / '.work/run.json').write_text(json.dumps({'samples': total}))
    reasons = ['', '', '', 'empty mask', 'mask too small', 'failed: Expected `cross` to be finite', '']
    entries = [
        Entry(i, str(i), 'dog', 'dog', i, 'dropped' if reason else 'kept', reason) for i, reason in enumerate(reasons)
    ]
    (root / 'manifest.jsonl').write_text(''.join(map(entry_to_line, entries[:2])))
    (parts / '000002-000006.0000.jsonl').write_text(''.join(map(entry_to_line, entries[2:])))


def test_samples_are_counted_and_rates_add_up(tmp_path):
    write_set(tmp_path)
    workers = tmp_path / '.work/workers'
    with Presence(workers, {'made': 10, 'seconds': 5.0}, STILL), Presence(workers, {'made': 6, 'seconds': 2.0}, STILL):
        with Presence(workers, {}, STILL):
            status = Observer(tmp_path).look()
    assert (status.state, status.total, status.done) == ('running', 100, 7)
    assert (status.kept, status.dropped, status.failed) == (4, 2, 1)
    assert status.failures == {'Expected `cross` to be finite': 1}
    assert status.rate == 10 / 5 + 6 / 2
    assert status.seconds_left == 93 / 5
    assert [worker['alive'] for worker in status.workers] == [True] * 3


def test_without_a_process_at_work_there_is_no_rate(tmp_path):
    write_set(tmp_path)
    status = Observer(tmp_path).look()
    assert (status.state, status.rate, status.seconds_left, status.workers) == ('interrupted', None, None, [])
    write_set(tmp_path / 'all', total=7)
    assert Observer(tmp_path / 'all').look().state == 'complete'


@pytest.mark.parametrize(('timing', 'alive'), [(Timing(beat=0.02), True), (STILL, False)])
def test_on_another_machine_two_looks_tell_who_lives(tmp_path, monkeypatch, timing, alive):
    write_set(tmp_path)
    with Presence(tmp_path / '.work/workers', {}, timing):
        monkeypatch.setattr(presence, 'boot_id', lambda: 'another machine')
        status = Observer(tmp_path, Timing(beat=0.2)).look()
    assert [worker['alive'] for worker in status.workers] == [alive]
    assert status.state == ('running' if alive else 'interrupted')


def test_looking_changes_nothing(tmp_path):
    write_set(tmp_path)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob('*')}
    Observer(tmp_path).look()
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob('*')} == before


def test_a_run_is_seen_at_work_interrupted_and_complete(tmp_path, capsys):
    root, generator = tmp_path / 'set', HangingGenerator()
    thread = threading.Thread(target=lambda: run_fake(root, generator=generator))
    thread.start()
    assert generator.hangs.wait(60)
    running = Observer(root, QUICK).look()
    generator.go_on.set()
    thread.join(60)
    assert (running.state, running.done, running.total) == ('running', 0, 7)
    capsys.readouterr()
    assert main(['status', str(root)]) == 0
    assert capsys.readouterr().out == 'complete: 7 of 7 (100%): 7 kept, 0 dropped, 0 failed\n'
    with pytest.raises(KeyboardInterrupt):
        run_fake(tmp_path / 'half', generator=BreakingGenerator())
    capsys.readouterr()
    assert main(['status', str(tmp_path / 'half'), '--json', '--watch']) == 3
    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line) == {
        'state': 'interrupted', 'total': 7, 'done': 5, 'kept': 5, 'dropped': 0, 'failed': 0, 'rate': None,
        'seconds_left': None, 'workers': [], 'failures': {},
    }  # fmt: skip


def test_a_folder_without_a_set_is_one_line(tmp_path, capsys):
    assert main(['status', str(tmp_path)]) == 2
    assert 'Expected a data set of `mmseg-gen synthesize`' in capsys.readouterr().err


def test_labelled_photos_are_told_from_a_set_without_samples(tmp_path, capsys):
    (tmp_path / 'stage.json').write_text('{}')
    (tmp_path / 'manifest.jsonl').write_text('{"name": "a", "outcome": "found"}\n')
    assert main(['status', str(tmp_path)]) == 2
    assert 'but got labelled photos; `mmseg-gen report`' in capsys.readouterr().err


def test_a_pause_between_looks_is_positive(tmp_path, capsys):
    assert main(['status', str(tmp_path), '--watch', '-1']) == 2
    assert 'Expected --watch of more than 0 seconds, but got -1' in capsys.readouterr().err


def test_the_text_says_who_is_at_work(tmp_path, capsys):
    write_set(tmp_path)
    workers = tmp_path / '.work/workers'
    told = {'made': 10, 'seconds': 5.0, 'doing': '000008-000015'}
    with Presence(workers, told, STILL) as alive, Presence(workers, {}, STILL) as lost:
        lost._file.close()
        assert main(['status', str(tmp_path)]) == 0
    first, failures, *others = capsys.readouterr().out.splitlines()
    assert first == 'running: 7 of 100 (7%): 4 kept, 2 dropped, 1 failed; 2 samples/s, 0 min 46 s left'
    assert failures == '  failed 1: Expected `cross` to be finite'
    host = alive._facts['host']
    assert sorted(others) == [
        f'  alive {host} process {os.getpid()}: 10 made, at 000008-000015',
        f'  lost  {host} process {os.getpid()}: 0 made, at start',
    ]
