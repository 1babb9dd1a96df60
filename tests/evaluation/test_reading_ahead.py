"""Results in order, a bounded number ahead, and nothing left running."""

from __future__ import annotations

import threading
import time

import pytest

from mmseg_gen.evaluation.reading_ahead import read_ahead


def test_results_come_in_order_whatever_each_one_takes():
    delays = [0.02, 0.0, 0.01, 0.0]

    def read(index):
        time.sleep(delays[index])
        return index * 10

    assert list(read_ahead(range(4), read, ahead=2)) == [0, 10, 20, 30]


@pytest.mark.parametrize('ahead', [1, 2, 3, 8, 9])
@pytest.mark.parametrize('count', [0, 1, 7, 8, 9, 40])
def test_groups_of_any_size_give_every_result_in_order(ahead, count):
    assert list(read_ahead(iter(range(count)), str, ahead=ahead)) == [str(i) for i in range(count)]


@pytest.mark.parametrize('ahead', [2, 8, 9, 20])
def test_never_more_wait_than_asked_for(ahead):
    begun, taken = [], 0
    for _ in read_ahead(range(60), begun.append, ahead=ahead):
        taken += 1
        time.sleep(0.001)
        assert len(begun) - taken <= ahead


@pytest.mark.parametrize('ahead', [1, 3])
def test_no_more_than_asked_for_is_read_ahead(ahead):
    begun = []
    results = read_ahead(range(20), begun.append, ahead=ahead)
    next(results)
    deadline = time.monotonic() + 30
    while len(begun) <= ahead and time.monotonic() < deadline:
        time.sleep(0.001)
    time.sleep(0.05)
    assert len(begun) == ahead + 1
    results.close()


@pytest.mark.parametrize('bad', [0, 2, 3, 4, 8])
def test_an_error_comes_in_its_turn_and_the_thread_ends(bad):
    def read(index):
        if index == bad:
            raise OSError('the disk is gone')
        return index

    results = read_ahead(range(9), read)
    assert [next(results) for _ in range(bad)] == list(range(bad))
    with pytest.raises(OSError, match='the disk is gone'):
        next(results)
    assert not any(thread.name.startswith('read-ahead') for thread in threading.enumerate())


def test_reading_goes_on_while_the_caller_works():
    seen = threading.Event()
    results = read_ahead([1, 2], lambda item: seen.set() if item == 2 else None)
    next(results)
    assert seen.wait(5)
    assert list(results) == [None]


def test_none_ahead_is_refused():
    with pytest.raises(ValueError, match='`ahead` to be 1 or more, but got 0'):
        read_ahead([], str, ahead=0)
