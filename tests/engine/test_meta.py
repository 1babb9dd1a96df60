"""A data set is made in a folder of its own: what else lies there stays as it is or is refused."""

from __future__ import annotations

import re

import pytest

from mmseg_gen.errors import UserError
from tests.engine.fake_synthesis import run_fake, tree


@pytest.mark.parametrize('name', ['images/mine.png', 'masks/mine.png', 'evidence/mine.npz', 'manifest.jsonl'])
def test_files_where_those_of_a_set_would_go_are_refused_and_stay(tmp_path, name):
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_bytes(b'mine')
    with pytest.raises(UserError, match=rf'it holds {re.escape(name)} and no meta\.json; choose another --work-dir'):
        run_fake(tmp_path)
    assert (tmp_path / name).read_bytes() == b'mine'
    assert not list(tmp_path.rglob('*_dog.png'))
    assert not (tmp_path / 'meta.json').exists()


def test_a_meta_file_of_something_else_is_refused_and_stays(tmp_path):
    (tmp_path / 'meta.json').write_text('{"mine": 1}')
    with pytest.raises(UserError, match=r'to be a meta\.json of format 1; choose another --work-dir'):
        run_fake(tmp_path)
    assert (tmp_path / 'meta.json').read_text() == '{"mine": 1}'


def test_other_files_and_empty_folders_are_left_alone(tmp_path):
    (tmp_path / 'set' / 'images').mkdir(parents=True)
    (tmp_path / 'set' / 'notes.txt').write_text('mine')
    run_fake(tmp_path / 'set')
    run_fake(tmp_path / 'plain')
    assert (tmp_path / 'set' / 'notes.txt').read_text() == 'mine'
    made, plain = tree(tmp_path / 'set'), tree(tmp_path / 'plain')
    del made['notes.txt']
    assert made == plain
