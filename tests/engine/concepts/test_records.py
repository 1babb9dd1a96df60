"""Records of photos made by several processes: each batch once, the dead replaced, the bytes those of one process."""

from __future__ import annotations

import hashlib
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest

from mmseg_gen.engine.concepts.photos import list_photos
from mmseg_gen.engine.concepts.records import has_begun, make_records
from mmseg_gen.engine.concepts.stage import write_file
from mmseg_gen.engine.leases import Leases
from mmseg_gen.engine.presence import Timing
from mmseg_gen.errors import Incomplete, UserError
from mmseg_gen.functional.photo_records import PhotoRecord, read_records, records_bytes

TIMING = Timing(beat=0.02, poll=0.01)
COUNT, SIZE = 11, 2


@pytest.fixture
def photos(tmp_path):
    for i in range(COUNT):
        path = tmp_path / 'photos' / ('deep' if i % 3 else '.') / f'p{i:02d}.png'
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), np.full((10, 12, 3), i, np.uint8))
    return list_photos(tmp_path / 'photos')


class Maker:
    """Writes each photo's mean as its mask; what it was asked for is told."""

    def __init__(self, folder, pause=0.0, together=None):
        self.folder, self.pause, self.together, self.asked, self.made = folder, pause, together, [], []

    def load(self):
        return self

    def __call__(self, batch, wanted):
        if self.together is not None:
            self.together.wait(timeout=20)
            self.together = None
        self.asked.append([read.photo.name for read in batch])
        time.sleep(self.pause)
        return [self.record(read) for read in batch if read.photo.name in wanted]

    def record(self, read):
        name = read.photo.name
        self.made.append(name)
        files = {'mask': write_file(self.folder, 'masks', name, '.png', bytes([int(read.pixels.mean())]))}
        return PhotoRecord(name, str(read.photo.path), 'found', files)


def make(folder, photos, maker=None, identity=None, **options):
    maker = maker or Maker(folder)
    given = dict(size=SIZE, title='test', timing=TIMING)
    return maker, make_records(folder, identity or {'seed': 0}, photos, maker.load, **{**given, **options})


def tree(root):
    return {str(p.relative_to(root)): p.read_bytes() for p in sorted(root.rglob('*')) if p.is_file()}


def test_a_folder_in_which_nothing_was_made_takes_other_settings_and_one_with_records_does_not(photos, tmp_path):
    def fail():
        raise UserError('Expected a better canvas.')

    root = tmp_path / 'set'
    with pytest.raises(UserError, match='better canvas'):
        make_records(root, {'seed': 1}, photos, fail, size=SIZE, title='test', timing=TIMING)
    assert not has_begun(root)
    assert len(make(root, photos, identity={'seed': 2})[1]) == COUNT
    assert has_begun(root)
    with pytest.raises(UserError, match='Expected the `seed` with which'):
        make(root, photos, identity={'seed': 1})


def test_processes_share_the_photos_and_leave_the_bytes_of_one(photos, tmp_path):
    _, records = make(tmp_path / 'one', photos)
    assert [name for name in records] == sorted(photo.name for photo in photos)
    root, together = tmp_path / 'three', threading.Barrier(3)
    with ThreadPoolExecutor(3) as pool:
        makers = [Maker(root, 0.01, together) for _ in range(3)]
        found = list(pool.map(lambda maker: make(root, photos, maker)[1], makers))
    assert sorted(name for maker in makers for name in maker.made) == sorted(photo.name for photo in photos)
    assert all(maker.made for maker in makers)
    assert all(each == found[0] for each in found)
    assert {k: v for k, v in tree(root).items() if k != 'manifest.jsonl'} == {
        k: v for k, v in tree(tmp_path / 'one').items() if k != 'manifest.jsonl'
    }
    assert (root / 'manifest.jsonl').read_bytes() == (tmp_path / 'one' / 'manifest.jsonl').read_bytes()
    assert not (root / '.work').exists()


def test_a_run_that_is_broken_off_loses_only_the_batch_it_was_at(photos, tmp_path):
    root = tmp_path / 'set'
    first = Maker(root)
    honest, first.record = first.record, lambda read: stop() if len(first.made) == 5 else honest(read)

    def stop():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make(root, photos, first)
    # Two whole batches have their records; the sixth photo was the second of the third batch.
    assert sorted(read_records(root)) == sorted(first.made[:4])
    (root / 'masks' / '.partial-left.png').write_bytes(b'half')
    second, records = make(root, photos)
    assert sorted(second.made) == sorted(photo.name for photo in photos[4:])
    assert len(records) == COUNT
    make(tmp_path / 'whole', photos)
    assert tree(root) == tree(tmp_path / 'whole')
    assert make(root, photos)[0].asked == []


def test_a_missing_file_is_made_again_in_its_own_batch(photos, tmp_path):
    root = tmp_path / 'set'
    make(root, photos)
    before = tree(root)
    (root / 'masks' / f'{photos[3].name}.png').unlink()
    again, _ = make(root, photos)
    assert again.asked == [[photos[2].name, photos[3].name]]
    assert again.made == [photos[3].name]
    assert tree(root) == before


def test_photos_that_are_added_later_are_made(photos, tmp_path):
    root = tmp_path / 'set'
    make(root, photos[1:])
    later, records = make(root, photos)
    assert later.made == [photos[0].name]
    assert len(records) == COUNT


def test_ready_records_and_unreadable_photos_are_told_without_the_maker(photos, tmp_path):
    photos[2].path.write_bytes(b'x')
    ready = {photos[0].name: PhotoRecord(photos[0].name, 'there', 'empty')}
    maker, records = make(tmp_path / 'set', photos, ready=ready)
    assert records[photos[0].name] == ready[photos[0].name]
    assert records[photos[2].name].outcome == 'unreadable'
    assert 'Pillow' in records[photos[2].name].detail
    assert sorted(maker.made) == sorted(photo.name for i, photo in enumerate(photos) if i not in (0, 2))
    everything = {photo.name: PhotoRecord(photo.name, 'there', 'empty') for photo in photos}
    assert make(tmp_path / 'none', photos, ready=everything)[0].asked == []
    assert read_records(tmp_path / 'none') == dict(sorted(everything.items()))


def test_other_settings_are_refused_while_and_after_others_work(photos, tmp_path):
    make(tmp_path / 'set', photos)
    with pytest.raises(UserError, match='`seed`'):
        make(tmp_path / 'set', photos, identity={'seed': 1})


def test_errors_of_the_maker_end_the_run_and_leave_what_is_made(photos, tmp_path):
    maker = Maker(tmp_path / 'set')
    honest = maker.record
    maker.record = lambda read: honest(read) if len(maker.made) < 2 else 1 / 0
    with pytest.raises(ZeroDivisionError):
        make(tmp_path / 'set', photos, maker)
    assert len(read_records(tmp_path / 'set')) == 2
    assert len(make(tmp_path / 'set', photos)[1]) == COUNT


@pytest.mark.parametrize('deaths', [2, 3])
def test_a_batch_that_ends_three_processes_is_given_up_and_tried_by_the_next_run(photos, tmp_path, deaths):
    make(tmp_path / 'whole', photos)
    root, names = tmp_path / 'set', [photo.name for photo in photos]
    unit = hashlib.sha256('\n'.join(names[4:6]).encode()).hexdigest()[:16]
    for generation in range(deaths):
        assert Leases(root, f'dead-{generation}').claim(unit, generation)
    first = Maker(root)
    if deaths == 3:
        with pytest.raises(Incomplete, match=rf'but 2 were given up in .*\({names[4]}, {names[5]}\): 3 processes died'):
            make(root, photos, first)
        assert sorted(first.made) == sorted({*names} - {*names[4:6]})
        records = read_records(root)
        assert {name for name, own in records.items() if own.outcome == 'given_up'} == {*names[4:6]}
        assert {records[name].detail for name in names[4:6]} == {'3 processes died or hung at its batch'}
    assert sorted(make(root, photos)[0].made) == (names[4:6] if deaths == 3 else sorted(names))
    assert tree(root) == tree(tmp_path / 'whole')


def test_who_shares_the_work_tells_what_another_gave_up_and_does_not_try_it(photos, tmp_path):
    root, names = tmp_path / 'set', [photo.name for photo in photos]
    make(root, photos[2:])
    lost = [PhotoRecord(name, 'there', 'given_up', detail='died') for name in names[:2]]
    (root / '.work/parts').mkdir(parents=True)
    unit = hashlib.sha256('\n'.join(names[:2]).encode()).hexdigest()[:16]
    (root / f'.work/parts/{unit}.0003.jsonl').write_bytes(records_bytes(lost))
    late = Maker(root)
    with pytest.raises(Incomplete, match='but 2 were given up'):
        make(root, photos, late)
    assert late.made == []
    assert sorted(make(root, photos)[0].made) == names[:2]
