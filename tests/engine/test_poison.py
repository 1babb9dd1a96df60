"""A batch that ends whoever makes it is given up after a few, the others come out the same, and a new run tries it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from mmseg_gen.engine.batch_making import FinishedSamples
from mmseg_gen.engine.planning import Sample
from mmseg_gen.engine.status import Observer
from mmseg_gen.engine.termination import exit_on_sigterm
from mmseg_gen.errors import Incomplete, UserError, run_reporting
from mmseg_gen.functional.manifest import Entry, entry_to_line, read_manifest
from tests.engine.fake_synthesis import INCOMPLETE, FakeGenerator, run_fake, tree

REASON = 'failed: the processes that made its batch died or hung'


def poisoned(root, processes):
    """Return how the processes of a run ended, one of whose batches, samples 2 to 4, kills them."""
    script = Path(__file__).with_name('poisoned_synthesis.py')
    command = [sys.executable, str(script), str(root), str(processes)]
    environment = {**os.environ, 'PYTHONPATH': str(script.parents[2])}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600, check=True)
    return json.loads(done.stdout.splitlines()[-1])


# One that is started again and again; four, of which the last is left.
@pytest.mark.parametrize('processes', [1, 4])
def test_after_three_deaths_a_batch_is_given_up_and_all_others_are_made(tmp_path, processes):
    root, whole = tmp_path / 'set', tmp_path / 'whole'
    run_fake(whole)
    assert poisoned(root, processes) == [-signal.SIGKILL] * 3 + [INCOMPLETE]
    expected, found = tree(whole), tree(root)
    lost = {name for name in expected if name.rpartition('/')[2][:6] in ('000002', '000003', '000004')}
    assert {name: value for name, value in found.items() if name != 'manifest.jsonl'} == {
        name: value for name, value in expected.items() if name not in lost | {'manifest.jsonl'}
    }
    entries = {entry.index: entry for entry in read_manifest(root)}
    assert {i: e for i, e in entries.items() if i not in (2, 3, 4)} == {
        entry.index: entry for entry in read_manifest(whole) if entry.index not in (2, 3, 4)
    }
    given_up = [entries[i] for i in (2, 3, 4)]
    assert {(e.status, e.reason, len(e.files)) for e in given_up} == {('dropped', REASON, 0)}
    status = Observer(root).look()
    assert (status.state, status.kept, status.failed) == ('complete', 4, 3)
    assert status.failures == {REASON.removeprefix('failed: '): 3}
    assert run_fake(root).made == 3
    assert tree(root) == expected


def test_what_was_given_up_is_one_line_and_status_1(capsys):
    def work():
        raise Incomplete('Expected all samples in set, but one was given up.')

    assert run_reporting('mmseg-gen', work) == 1
    assert capsys.readouterr().err == 'mmseg-gen: error: Expected all samples in set, but one was given up.\n'


def test_who_joins_does_not_try_what_the_others_gave_up(tmp_path):
    samples = [Sample(index, 'dog', 'a photo of a dog', index) for index in range(2)]
    entries = [Entry(s.index, s.name, s.class_name, s.prompt, s.seed, 'dropped', REASON) for s in samples]
    lines = ''.join(entry_to_line(entry) for entry in entries)
    (tmp_path / '.work/parts').mkdir(parents=True)
    (tmp_path / '.work/parts/000000-000001.0003.jsonl').write_text(lines)
    assert FinishedSamples(tmp_path).missing(samples) == set()
    (tmp_path / 'manifest.jsonl').write_text(lines)
    assert FinishedSamples(tmp_path).missing(samples) == set()
    (tmp_path / '.work/parts/000000-000001.0003.jsonl').unlink()
    assert FinishedSamples(tmp_path).missing(samples) == {0, 1}


class FailingGenerator(FakeGenerator):
    """Raises an error in one batch."""

    def __init__(self, error):
        super().__init__()
        self.error = error

    def generate(self, samples):
        if samples[0].index == 2:
            raise self.error
        return super().generate(samples)


def start_again(root, error, times, **changes):
    for _ in range(times):
        with pytest.raises(type(error)):
            run_fake(root, generator=FailingGenerator(error), **changes)


def test_a_batch_whose_makers_fail_of_a_defect_is_given_up_too(tmp_path):
    start_again(tmp_path, RuntimeError('the device is lost'), 2, attempts=2)
    with pytest.raises(Incomplete, match=r'but 3 were given up \(000002_fire-engine, 000003_dog, 000004_cat\)'):
        run_fake(tmp_path, attempts=2)
    assert run_fake(tmp_path, attempts=2, num_samples=2).made == 0
    assert run_fake(tmp_path, attempts=2).kept == 7


@pytest.mark.parametrize('error', [KeyboardInterrupt(), SystemExit(143), OSError(28, 'No space left'), UserError('x')])
def test_who_ends_in_order_is_no_loss(tmp_path, error):
    start_again(tmp_path, error, 4)
    generator = FakeGenerator()
    assert run_fake(tmp_path, generator=generator).kept == 7
    assert generator.batches == [[2, 3, 4]]


def test_a_set_of_one_batch_that_was_given_up_is_tried_again(tmp_path):
    start_again(tmp_path, RuntimeError('broken'), 3, first_batch=2, num_samples=5)
    for path in tmp_path.glob('*/00000[01]*'):
        path.write_bytes(b'')
    with pytest.raises(Incomplete):
        run_fake(tmp_path, num_samples=5)
    assert run_fake(tmp_path, num_samples=5).kept == 5


def test_being_told_to_end_is_an_exit_in_order():
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    with pytest.raises(SystemExit) as caught, exit_on_sigterm():
        signal.raise_signal(signal.SIGTERM)
    assert caught.value.code == 143
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


def test_signals_of_threads_and_of_programs_that_handle_them_are_left_alone():
    seen = []
    signal.signal(signal.SIGTERM, lambda number, frame: seen.append(number))
    try:
        with exit_on_sigterm():
            signal.raise_signal(signal.SIGTERM)
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
    assert seen == [signal.SIGTERM]

    def inside():
        with exit_on_sigterm():
            seen.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=inside)
    thread.start()
    thread.join()
    assert seen[-1] == signal.SIG_DFL
