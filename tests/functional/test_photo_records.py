"""The manifest of labelled photos: what survives a kill, and in which order it lies on disk."""

from __future__ import annotations

import json

from mmseg_gen.functional.photo_records import MANIFEST, PhotoRecord, outcome_counts, read_records, records_bytes


def record(root, name, content=b'mask', **changes):
    path = root / 'masks' / f'{name}.png'
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    given = {'outcome': 'found', 'files': {'mask': (f'masks/{name}.png', len(content))}, **changes}
    return PhotoRecord(name, f'/photos/{name}.jpg', **given)


def write(root, *records):
    (root / MANIFEST).write_bytes(records_bytes(records))


def test_records_read_back_as_they_were_written(tmp_path):
    made = record(tmp_path, 'a/b', measures={'area': 0.25}, notes=('no_rectangle',), detail='é')
    write(tmp_path, made)
    assert read_records(tmp_path) == {'a/b': made}
    assert made.path(tmp_path, 'mask') == tmp_path / 'masks/a/b.png'
    assert read_records(tmp_path / 'none') == {}


def test_lines_are_sorted_by_name_and_of_two_the_later_counts(tmp_path):
    records = {name: record(tmp_path, name) for name in 'abc'}
    later = PhotoRecord('b', 'b', 'empty')
    content = records_bytes([records['c'], records['b'], records['a'], later])
    assert content == records_bytes([records['a'], later, records['c']])
    lines = [json.loads(line) for line in content.splitlines()]
    assert [(line['name'], line['outcome']) for line in lines] == [('a', 'found'), ('b', 'empty'), ('c', 'found')]


def test_parts_that_are_not_merged_yet_count_and_are_newer_than_the_manifest(tmp_path):
    write(tmp_path, PhotoRecord('a', 'a', 'empty'), PhotoRecord('b', 'b', 'empty'))
    parts = tmp_path / '.work' / 'parts'
    parts.mkdir(parents=True)
    (parts / 'unit.0000.jsonl').write_bytes(records_bytes([PhotoRecord('b', 'b', 'constant')]))
    (parts / 'unit.0001.jsonl').write_bytes(records_bytes([record(tmp_path, 'b'), PhotoRecord('c', 'c', 'empty')]))
    outcomes = {name: found.outcome for name, found in read_records(tmp_path).items()}
    assert outcomes == {'a': 'empty', 'b': 'found', 'c': 'empty'}


def test_a_line_cut_short_and_a_file_that_is_gone_do_not_count(tmp_path):
    write(tmp_path, *(record(tmp_path, name) for name in 'abc'))
    path = tmp_path / MANIFEST
    path.write_bytes(path.read_bytes()[:-5])
    (tmp_path / 'masks/a.png').unlink()
    (tmp_path / 'masks/b.png').write_bytes(b'longer than it was')
    assert read_records(tmp_path) == {}


def test_outcomes_and_notes_are_counted():
    found = [
        PhotoRecord('a', 'a', 'found', notes=('no_rectangle',)),
        PhotoRecord('b', 'b', 'found'),
        PhotoRecord('c', 'c', 'empty'),
    ]
    assert outcome_counts(found) == {'empty': 1, 'found': 2, 'no_rectangle': 1}
