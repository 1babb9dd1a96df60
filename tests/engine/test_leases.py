"""Leases: one holder for each unit and generation, whoever claims, leaves or clears meanwhile."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from mmseg_gen.engine import leases as lease_files
from mmseg_gen.engine.leases import LeaseLost, Leases
from tests.engine.interruption import once

UNITS = [f'unit-{number}' for number in range(40)]


def test_only_one_gets_a_lease(tmp_path):
    leases = [Leases(tmp_path, f'worker-{number}') for number in range(8)]
    for generation in (0, 1):
        with ThreadPoolExecutor(8) as pool:
            got = list(pool.map(lambda each, g=generation: [each.claim(unit, g) for unit in UNITS], leases))
        for index, unit in enumerate(UNITS):
            owners = [row[index].owner for row in got if row[index] is not None]
            assert len(owners) == 1
            assert leases[0].owner(unit, generation) == owners[0]


def test_who_lost_a_lease_leaves_nothing(tmp_path):
    first, second = Leases(tmp_path, 'first'), Leases(tmp_path, 'second')
    slow = first.claim('unit', 0)
    slow.check()
    quick = second.claim('unit', 1)
    with pytest.raises(LeaseLost):
        slow.finish(b'late\n')
    assert first.made() == {}
    quick.finish(b'in time\n')
    assert first.made() == {'unit': 1}
    assert [path.read_bytes() for path in (tmp_path / '.work/parts').iterdir()] == [b'in time\n']


def test_a_cleared_lease_is_lost(tmp_path):
    leases = Leases(tmp_path, 'first')
    lease = leases.claim('unit', 0)
    leases.clear()
    assert lease.lost


def test_losses_are_leases_that_nobody_made_or_gave_back(tmp_path):
    leases = Leases(tmp_path, 'first')
    found = []
    for generation in range(5):
        lease = leases.claim('unit', generation)
        found.append(lease.losses)
        if generation in (1, 2):
            lease.give_back()
    assert found == [0, 1, 1, 1, 2]
    assert leases.claim('unit', 5, first=4).losses == 1
    assert leases.claim('other', 0).losses == 0
    leases.clear()
    assert leases.claim('unit', 0).losses == 0


def test_who_leaves_takes_no_folder_from_under_one_who_claims_or_finishes(tmp_path, monkeypatch):
    leases, removed = Leases(tmp_path, 'first'), []

    def leave(folder):
        folder.rmdir()
        removed.append(folder.name)

    make_folder = lease_files.make_folder
    monkeypatch.setattr(lease_files, 'make_folder', once(leave, make_folder))
    lease = leases.claim('unit', 0)
    monkeypatch.setattr(lease_files, 'make_folder', once(leave, make_folder))
    lease.finish(b'made\n')
    assert removed == ['leases', 'parts']
    assert (leases.held(), leases.made()) == ({'unit': 0}, {'unit': 0})


def test_who_comes_second_between_folder_and_file_gets_nothing(tmp_path, monkeypatch):
    first, second, got = Leases(tmp_path, 'first'), Leases(tmp_path, 'second'), []
    interrupted = once(lambda _: got.append(second.claim('unit', 0)), lease_files.make_folder)
    monkeypatch.setattr(lease_files, 'make_folder', interrupted)
    assert first.claim('unit', 0) is None
    assert got[0].owner == first.owner('unit', 0) == 'second'
