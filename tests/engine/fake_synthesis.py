"""A generator and a labeller without models, and runs that are killed at chosen file operations."""

from __future__ import annotations

import hashlib
import os
import signal
import sys
import threading
import time
from pathlib import Path

import numpy as np
from tqdm import tqdm

from mmseg_gen.engine import presence
from mmseg_gen.engine.pairs import GeneratedPair
from mmseg_gen.engine.presence import Timing
from mmseg_gen.engine.progress import Worker
from mmseg_gen.engine.synthesis import synthesize
from mmseg_gen.errors import Incomplete
from mmseg_gen.functional.evidence import Evidence

SIDE, GRID, INCOMPLETE = 24, 8, 99
QUICK = Timing(beat=0.05, expiry=1.0, poll=0.01, hang=1.0)


class FakeGenerator:
    """Draws a noisy square per seed; every pair also depends on its batch, as a network's rounding does."""

    def __init__(self, bad=(), seconds=0.0, weights='w0'):
        self.bad, self.seconds, self.weights, self.batches = set(bad), seconds, weights, []

    def describe(self):
        return self.weights

    def generate(self, samples):
        self.batches.append([s.index for s in samples])
        if len(samples) > 1 and self.bad & {s.index for s in samples}:
            raise ValueError('Expected `cross` to be finite, but got 3 NaN or infinite values.')
        rounding = sum(s.index for s in samples) % 7
        time.sleep(self.seconds * len(samples))
        return [self._pair(s, rounding) for s in samples]

    def _pair(self, sample, rounding):
        if sample.index in self.bad:
            raise ValueError('Expected `cross` to be finite, but got 3 NaN or infinite values.')
        rng = np.random.default_rng(sample.seed)
        image = rng.integers(0, 100, (SIDE, SIDE, 3)).astype(np.uint8)
        top, left = rng.integers(0, SIDE // 2, 2)
        image[top : top + SIDE // 2, left : left + SIDE // 2] += np.uint8(100)
        image[0, 0] = rounding
        maps = rng.random((2, GRID, GRID))
        evidence = Evidence(maps, maps.std((1, 2)), rng.random((GRID, GRID)), rng.random((4, GRID, GRID)))
        return GeneratedPair(image, evidence)


class BrightLabel:
    """Labels the bright pixels; the evidence only enters the quality."""

    def __call__(self, results):
        mask = (results['img'].min(-1) >= 100).astype(np.uint8)
        quality = {'uncertainty': float(results['evidence'].seed_map.mean()), 'energy': 1.5}
        return {**results, 'gt_seg_map': mask, 'label_quality': quality}


class EmptyLabel:
    """Finds nothing."""

    def __call__(self, results):
        return {**results, 'gt_seg_map': np.zeros(results['img'].shape[:2], np.uint8)}


def fake_config(**changes):
    settings = dict(
        generator='fake', classes=['dog', 'cat', 'fire engine'], template='a photo of a {class}',
        num_samples=7, batch_size=3, first_batch=2, seed=5,
    )  # fmt: skip
    return {'synthesis': {**settings, **changes}}


def run_fake(root, rank=0, world_size=1, generator=None, **changes):
    return synthesize(
        fake_config(**changes),
        root,
        worker=Worker(rank, world_size, timing=QUICK),
        generator=generator or FakeGenerator(),
        labeller=BrightLabel(),
    )


def tree(root):
    """Return the hash of every file in a folder by relative path, and None for every folder."""
    return {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None
        for path in sorted(Path(root).rglob('*'))
    }


def die_at(number, root):
    """Kill this process before it opens, renames, makes or removes something in ``root`` for the ``number``-th time."""
    count = 0

    def hook(event, args):
        nonlocal count
        if event in ('open', 'os.rename', 'os.mkdir', 'os.remove', 'os.rmdir') and str(args[0]).startswith(str(root)):
            count += 1
            if count == number:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)


def fork(action):
    """Run an action in a forked process and return its id; it ends with 0, after an error with 1 or ``INCOMPLETE``."""
    pid = os.fork()
    if pid == 0:
        try:
            action()
            os._exit(0)
        except Incomplete:
            os._exit(INCOMPLETE)
        except BaseException as error:
            sys.stderr.write(f'{type(error).__name__}: {error}\n')
            os._exit(1)
    return pid


def in_child(action):
    """Run an action in a forked process and return its exit code, or -9 if it was killed."""
    return os.waitstatus_to_exitcode(os.waitpid(fork(action), 0)[1])


def kill_everywhere(folder):
    """Kill a run before each of its file operations, finish it, and return how often that was done.

    Raises:
        RuntimeError: A finished tree differs from that of an undisturbed run.
    """
    changes = dict(num_samples=3, batch_size=2, first_batch=1)
    whole = folder / 'whole'
    run_fake(whole, **changes)
    expected = tree(whole)
    for number in range(1, 1000):
        root = folder / f'killed_{number}'

        def killed(root=root, number=number):
            die_at(number, root)
            run_fake(root, **changes)

        code = in_child(killed)
        if code == 0:
            return number - 1
        if code != -signal.SIGKILL:
            raise RuntimeError(f'child {number} ended with {code}')
        if in_child(lambda root=root: run_fake(root, **changes)) != 0 or tree(root) != expected:
            raise RuntimeError(f'the tree differs after a kill at operation {number}')
    raise RuntimeError('the run never came to its end')


def fork_safely():
    """Make this process fit to be forked again and again, and not wait for the disk."""
    # A killed process loses nothing that it has handed to the kernel: no need to wait for the disk.
    os.fsync = lambda handle: None
    # tqdm's own lock is shared with forked processes: one that is killed while it holds it would block all others.
    tqdm.monitor_interval = 0
    tqdm.set_lock(threading.RLock())


STORM = dict(num_samples=24, batch_size=3, first_batch=2)


class NotingGenerator(FakeGenerator):
    """Leaves a file for each time it makes a batch."""

    def __init__(self, notes):
        super().__init__(seconds=0.003)
        self.notes = notes

    def generate(self, samples):
        (self.notes / f'{time.monotonic_ns()}-{os.getpid()}').touch()
        return super().generate(samples)


def start(root, notes, rank, processes, elsewhere):
    """Start one process of a run and return its id; ``elsewhere``: as if each had a machine of its own."""

    def work():
        if elsewhere:
            machine = f'machine of {os.getpid()}'
            presence.boot_id = lambda: machine
        run_fake(root, rank, processes, NotingGenerator(notes), **STORM)

    return fork(work)


def storm(folder, processes, kills, rng, elsewhere):
    """Make one set while processes are killed; return how many kills hit a living one.

    Raises:
        RuntimeError: A process failed, or made what another one had made.
    """
    root, notes = folder / 'set', folder / 'notes'
    notes.mkdir(parents=True)
    running = {start(root, notes, rank, processes, elsewhere): rank for rank in range(processes)}
    killed = 0
    while running:
        if killed < kills:
            time.sleep(rng.uniform(0.005, 0.1))
            os.kill(rng.choice(list(running)), signal.SIGKILL)
        pid, status = os.waitpid(-1, 0 if killed == kills else os.WNOHANG)
        while pid:
            rank, code = running.pop(pid), os.waitstatus_to_exitcode(status)
            if code == -signal.SIGKILL:
                killed += 1
                running[start(root, notes, rank, processes, elsewhere)] = rank
            elif code == INCOMPLETE:
                # Kills that met one batch again and again.
                running[start(root, notes, rank, processes, elsewhere)] = rank
            elif code:
                raise RuntimeError(f'process {rank} ended with {code}')
            pid, status = os.waitpid(-1, os.WNOHANG) if running else (0, 0)
    batches = 1 + -(-(STORM['num_samples'] - STORM['first_batch']) // STORM['batch_size'])
    if not elsewhere and len(list(notes.iterdir())) > batches + killed:
        raise RuntimeError(f'{len(list(notes.iterdir()))} batches made after {killed} kills, of {batches}')
    return killed


def storms(folder, processes, kills, elsewhere):
    """Raise storms until there were that many kills, and return the number of sets made.

    Raises:
        RuntimeError: A set differs from that of an undisturbed run.
    """
    rng = np.random.default_rng(0)
    run_fake(folder / 'whole', **STORM)
    expected, killed, sets = tree(folder / 'whole'), 0, 0
    while killed < kills:
        killed += storm(folder / str(sets), processes, kills - killed, rng, elsewhere)
        found = tree(folder / str(sets) / 'set')
        if elsewhere:
            # Nobody was there for long enough to see that these are dead.
            found = {name: value for name, value in found.items() if not name.startswith('.work')}
        if found != expected:
            raise RuntimeError(f'set {sets} differs from an undisturbed one')
        sets += 1
    return sets


def main(folder, processes=0, kills=0, elsewhere=''):
    """Kill before each file operation; or, given processes and kills, at random instants."""
    fork_safely()
    count = storms(folder, int(processes), int(kills), bool(elsewhere)) if kills else kill_everywhere(folder)
    sys.stdout.write(f'{count}\n')


if __name__ == '__main__':
    main(Path(sys.argv[1]), *sys.argv[2:])
