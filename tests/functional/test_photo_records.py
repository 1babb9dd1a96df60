"""The manifest of labelled photos: what survives a kill, and in which order it lies on disk."""

from __future__ import annotations

import json

from mmseg_gen.functional.photo_records import MANIFEST, PhotoRecord, RecordBook, outcome_counts, read_records


def record(root, name, content=b'mask', **changes):
    path = root / 'masks' / f'{name}.png'
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    given = {'outcome': 'found', 'files': {'mask': (f'masks/{name}.png', len(content))}, **changes}
    return PhotoRecord(name, f'/photos/{name}.jpg', **given)


def test_records_read_back_as_they_were_written(tmp_path):
    made = record(tmp_path, 'a/b', measures={'area': 0.25}, notes=('no_rectangle',), detail='é')
    with RecordBook(tmp_path) as book:
        book.append(made)
    assert read_records(tmp_path) == {'a/b': made}
    assert made.path(tmp_path, 'mask') == tmp_path / 'masks/a/b.png'


def test_the_file_is_sorted_by_name_whatever_the_order(tmp_path):
    contents = []
    for order in ('abc', 'cab'):
        root = tmp_path / order
        with RecordBook(root) as book:
            for name in order:
                book.append(record(root, name))
        contents.append((root / MANIFEST).read_bytes())
    assert contents[0] == contents[1]
    assert [json.loads(line)['name'] for line in contents[0].splitlines()] == ['a', 'b', 'c']


def test_lines_are_on_disk_before_the_book_is_closed(tmp_path):
    with RecordBook(tmp_path) as book:
        book.append(record(tmp_path, 'a'))
        assert 'a' in read_records(tmp_path)


def test_a_line_cut_short_and_a_file_that_is_gone_do_not_count(tmp_path):
    with RecordBook(tmp_path) as book:
        for name in 'abc':
            book.append(record(tmp_path, name))
    path = tmp_path / MANIFEST
    path.write_bytes(path.read_bytes()[:-5])
    (tmp_path / 'masks/a.png').unlink()
    (tmp_path / 'masks/b.png').write_bytes(b'longer than it was')
    assert read_records(tmp_path) == {}
    with RecordBook(tmp_path) as book:
        book.append(record(tmp_path, 'a'))
    assert list(read_records(tmp_path)) == ['a']


def test_outcomes_and_notes_are_counted():
    found = [
        PhotoRecord('a', 'a', 'found', notes=('no_rectangle',)),
        PhotoRecord('b', 'b', 'found'),
        PhotoRecord('c', 'c', 'empty'),
    ]
    assert outcome_counts(found) == {'empty': 1, 'found': 2, 'no_rectangle': 1}
