from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest

from mmseg_gen.engine import ray_tasks
from mmseg_gen.errors import UserError
from tests.engine.fake_synthesis import fake_config


class TaskError(Exception):
    """What Ray raises where a task failed."""

    def __init__(self, cause):
        super().__init__('Traceback of the task')
        self.cause = cause


class FakeRay:
    """Runs tasks in threads."""

    exceptions = SimpleNamespace(RayError=TaskError)

    def __init__(self, gpus=0):
        self.gpus, self.asked, self.pool = gpus, [], ThreadPoolExecutor(4)

    def is_initialized(self):
        return True

    def cluster_resources(self):
        return {'CPU': 4.0, **({'GPU': float(self.gpus)} if self.gpus else {})}

    def remote(self, function):
        return SimpleNamespace(
            options=lambda **options: (
                self.asked.append(options)
                or SimpleNamespace(remote=lambda *arguments: self.pool.submit(function, *arguments))
            )
        )

    def get(self, future):
        try:
            return future.result()
        except Exception as error:
            raise TaskError(error) from error


@pytest.fixture
def calls(monkeypatch):
    """Return what the tasks were asked for; those of the ranks in ``failing`` fail."""
    seen = SimpleNamespace(ranks=[], folders=set(), failing=set())

    def synthesize(cfg, folder, *, resume, worker):
        seen.ranks.append((worker.rank, worker.world_size, worker.local_rank))
        seen.folders.add(folder)
        if worker.rank in seen.failing:
            raise UserError('Expected `classes` to be right.')

    monkeypatch.setattr('mmseg_gen.engine.synthesis.synthesize', synthesize)
    return seen


@pytest.mark.parametrize('gpus', [0, 2])
def test_tasks_share_a_folder_and_take_gpus_where_there_are_any(monkeypatch, calls, gpus):
    ray = FakeRay(gpus)
    monkeypatch.setitem(sys.modules, 'ray', ray)
    ray_tasks.synthesize_with_ray(fake_config(), 'set', 3)
    assert sorted(calls.ranks) == [(0, 3, 0), (1, 3, 0), (2, 3, 0)]
    assert calls.folders == {'set'}
    assert ray.asked == [{'num_gpus': 1 if gpus else 0}]


def test_one_error_is_borne_and_all_are_raised_as_what_they_were(monkeypatch, calls):
    monkeypatch.setitem(sys.modules, 'ray', FakeRay())
    calls.failing = {0, 1}
    ray_tasks.synthesize_with_ray(fake_config(), 'set', 3)
    with pytest.raises(UserError, match='`classes` to be right'):
        ray_tasks.synthesize_with_ray(fake_config(), 'set', 2)


def test_without_ray_the_cure_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, 'ray', None)
    with pytest.raises(UserError, match=r'pip install "mmseg_gen\[ray\]"'):
        ray_tasks.synthesize_with_ray(fake_config(), 'set', 2)
    with pytest.raises(UserError, match='>= 1, but got 0'):
        ray_tasks.synthesize_with_ray(fake_config(), 'set', 0)
