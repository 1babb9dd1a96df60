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

from mmseg_gen.engine.pairs import GeneratedPair
from mmseg_gen.engine.synthesis import Worker, synthesize
from mmseg_gen.functional.evidence import Evidence

SIDE, GRID = 24, 8


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


def run_fake(root, rank=0, world_size=1, seconds=0.0, **changes):
    return synthesize(
        fake_config(**changes),
        root,
        worker=Worker(rank, world_size),
        generator=FakeGenerator(seconds=seconds),
        labeller=BrightLabel(),
    )


def tree(root):
    """Return the hash of every file of a data set by relative path, leftovers of killed runs excepted."""
    files = [p for p in sorted(Path(root).rglob('*')) if p.is_file()]
    names = [str(p.relative_to(root)) for p in files]
    return {
        name: hashlib.sha256(path.read_bytes()).hexdigest()
        for name, path in zip(names, files, strict=True)
        if not Path(name).name.startswith('.')
    }


def die_at(number, root):
    """Kill this process before its ``number``-th opening, renaming or making of something inside ``root``."""
    count = 0

    def hook(event, args):
        nonlocal count
        if event in ('open', 'os.rename', 'os.mkdir') and str(args[0]).startswith(str(root)):
            count += 1
            if count == number:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)


def in_child(action, kill_after=None):
    """Run an action in a forked process, kill it (9) after some seconds, return its exit code or -9."""
    pid = os.fork()
    if pid == 0:
        try:
            action()
            os._exit(0)
        except BaseException as error:
            sys.stderr.write(f'{type(error).__name__}: {error}\n')
            os._exit(1)
    if kill_after is not None:
        time.sleep(kill_after)
        os.kill(pid, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def kill_everywhere(folder):
    """Kill a run before each of its file operations, finish it, and return how often that was done.

    Raises:
        RuntimeError: A finished tree differs from that of an undisturbed run.
    """
    changes = dict(num_samples=4, batch_size=2, first_batch=1)
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


def kill_at_times(folder, seconds):
    """Kill one run again and again at these times, then finish it, and return how many kills hit it alive.

    Raises:
        RuntimeError: The finished tree differs from that of an undisturbed run.
    """
    changes = dict(num_samples=40, batch_size=4, workers=0)
    whole, root = folder / 'timed_whole', folder / 'timed'
    run_fake(whole, **changes)
    alive = 0
    for pause in seconds:
        alive += in_child(lambda: run_fake(root, seconds=0.002, **changes), kill_after=pause) == -signal.SIGKILL
    run_fake(root, **changes)
    if tree(root) != tree(whole):
        raise RuntimeError('the tree differs after kills at random instants')
    return alive


def main(folder):
    """Do both and write the two counts."""
    # A killed process loses nothing that it has handed to the kernel: no need to wait for the disk.
    os.fsync = lambda handle: None
    # tqdm's own lock is shared with forked processes: one that is killed while it holds it would block all others.
    tqdm.monitor_interval = 0
    tqdm.set_lock(threading.RLock())
    times = np.random.default_rng(0).uniform(0.01, 0.12, 8)
    counts = kill_everywhere(folder), kill_at_times(folder, times)
    sys.stdout.write('{} {}\n'.format(*counts))


if __name__ == '__main__':
    main(Path(sys.argv[1]))
