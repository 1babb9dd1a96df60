from __future__ import annotations

import hashlib
import time
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from mmseg_gen.engine.leases import Leases
from mmseg_gen.engine.presence import Timing
from mmseg_gen.engine.shared_jobs import share_jobs
from mmseg_gen.errors import Incomplete, UserError

TIMING = Timing(beat=0.02, poll=0.01)
# Two that would be one in a file system that ignores case, one hidden, one long, one with a dot and a space.
NAMES = ['a', 'A', '.hidden', 'x' * 240, 'b.c d', *map(str, range(20))]


def do(folder, names, resume=True, together=None, run='cut'):
    """Write a file for each job that falls to this process, and return their names."""
    done = []
    jobs = share_jobs(names, lambda name: folder / f'{name}.png', {'run': run}, resume=resume, timing=TIMING)
    for name in jobs:
        if together is not None:
            together.wait()
            together = None
        time.sleep(0.002)
        (folder / f'{name}.png').write_bytes(name.encode())
        done.append(name)
    return done


def test_processes_share_the_jobs(tmp_path):
    together = Barrier(3)
    with ThreadPoolExecutor(3) as pool:
        done = list(pool.map(lambda _: do(tmp_path, NAMES, together=together), range(3)))
    assert sorted(name for part in done for name in part) == sorted(NAMES)
    assert min(map(len, done)) > 0
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(f'{name}.png' for name in NAMES)


def test_what_is_there_is_left_alone_where_it_is_gone_on_with(tmp_path):
    (tmp_path / 'a.png').touch()
    assert do(tmp_path, ['a', 'b', 'c']) == ['b', 'c']
    assert do(tmp_path, ['a', 'b', 'c'], resume=False) == ['a', 'b', 'c']


def test_a_run_that_is_broken_off_leaves_its_jobs_to_others(tmp_path):
    jobs = share_jobs(NAMES, lambda name: tmp_path / f'{name}.png', {'run': 'cut'}, resume=True, timing=TIMING)
    assert next(jobs) == 'a'
    jobs.close()
    assert sorted(do(tmp_path, NAMES)) == sorted(NAMES)
    assert not (tmp_path / '.work').exists()


def test_other_work_in_the_same_folder_is_refused(tmp_path):
    jobs = share_jobs(NAMES, lambda name: tmp_path / f'{name}.png', {'run': 'cut'}, resume=True, timing=TIMING)
    next(jobs)
    with pytest.raises(UserError, match='with run = cut, not paint'):
        do(tmp_path, NAMES, run='paint')
    jobs.close()


@pytest.mark.parametrize(('deaths', 'given_up'), [(2, False), (3, True)])
def test_a_job_that_ends_three_processes_is_given_up_and_tried_by_the_next_run(tmp_path, deaths, given_up):
    unit = hashlib.sha256(b'b.png').hexdigest()[:16]
    for generation in range(deaths):
        assert Leases(tmp_path, f'dead-{generation}').claim(unit, generation)
    if given_up:
        with pytest.raises(Incomplete, match=r'Expected to write b\.png, but 3 processes died or hung at it'):
            do(tmp_path, ['a', 'b', 'c'])
        assert sorted(path.name for path in tmp_path.iterdir()) == ['a.png', 'c.png']
    assert sorted(do(tmp_path, ['a', 'b', 'c'])) == (['b'] if given_up else ['a', 'b', 'c'])
