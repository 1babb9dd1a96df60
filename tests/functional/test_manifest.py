from __future__ import annotations

import json

import pytest

from mmseg_gen.errors import UserError
from mmseg_gen.functional.manifest import (
    Entry,
    entry_from_line,
    entry_to_line,
    is_intact,
    leave_out_uncertain,
    read_manifest,
    read_meta,
)

ENTRY = Entry(3, '000003_dog', 'dog', 'a photo of a dög', 2**62 + 1, files={'image': ('images/a.png', 5)},
              measures={'area': 0.25})  # fmt: skip


def test_a_line_is_json_that_reads_back():
    line = entry_to_line(ENTRY)
    assert line.count('\n') == 1
    assert json.loads(line)['seed'] == 2**62 + 1
    assert entry_from_line(line) == ENTRY


def test_any_cut_and_any_changed_character_is_noticed():
    line = entry_to_line(ENTRY)
    for place in range(len(line)):
        assert entry_from_line(line[:place]) is None
        if line[place] not in ' \n':
            other = line[:place] + ('x' if line[place] != 'x' else 'y') + line[place + 1 :]
            assert entry_from_line(other) is None


@pytest.mark.parametrize('line', ['\n', '[]\n', 'null\n', '{}\n', '{"check": "00000000"}\n', '3\n'])
def test_other_lines_are_no_entries(line):
    assert entry_from_line(line) is None


def test_shards_merge_by_index(tmp_path):
    entries = [Entry(i, str(i), 'dog', 'dog', i) for i in range(5)]
    (tmp_path / 'manifest.0.jsonl').write_text(''.join(map(entry_to_line, entries[3:])))
    (tmp_path / 'manifest.1.jsonl').write_text(''.join(map(entry_to_line, reversed(entries[:4]))) + '{"index": 9')
    assert read_manifest(tmp_path) == entries
    assert read_manifest(tmp_path / 'none') == []


def test_files_are_checked_by_size(tmp_path):
    assert not is_intact(tmp_path, ENTRY)
    (tmp_path / 'images').mkdir()
    (tmp_path / 'images/a.png').write_bytes(b'1234')
    assert not is_intact(tmp_path, ENTRY)
    (tmp_path / 'images/a.png').write_bytes(b'12345')
    assert is_intact(tmp_path, ENTRY)


def test_meta_of_another_format_is_refused(tmp_path):
    assert read_meta(tmp_path) is None
    for text in ('{', '[]', '{"format": 99}'):
        (tmp_path / 'meta.json').write_text(text)
        with pytest.raises(UserError, match=r'meta\.json of format 1'):
            read_meta(tmp_path)


def test_ties_leave_out_the_earlier_and_entries_without_uncertainty_stay():
    entries = [
        Entry(i, '', '', '', 0, measures=m) for i, m in enumerate([{}, {'uncertainty': 0.5}, {'uncertainty': 0.5}])
    ]
    assert [e.index for e in leave_out_uncertain(entries, 0.4)] == [0, 2]
    assert [e.index for e in leave_out_uncertain(entries, 0.3)] == [0, 1, 2]


@pytest.mark.parametrize(('percent', 'number'), [(70, 90), (29, 100), (58, 50), (35, 180), (45, 5), (1, 99)])
def test_the_share_is_that_of_whole_numbers(percent, number):
    entries = [Entry(i, '', '', '', 0, measures={'uncertainty': i / number}) for i in range(number)]
    assert len(leave_out_uncertain(entries, percent / 100)) == number - percent * number // 100


def test_the_most_uncertain_share_is_left_out():
    values = [0.2, 0.9, 0.1, 0.8, 0.5]
    entries = [Entry(i, '', '', '', 0, measures={'uncertainty': v}) for i, v in enumerate(values)]
    assert [e.index for e in leave_out_uncertain(entries, 0.45)] == [0, 2, 4]
    assert leave_out_uncertain(entries, 0.0) == entries
