from __future__ import annotations

import json
from pathlib import Path

import pytest

from mmseg_gen.errors import UserError
from mmseg_gen.functional.preliminary import PreliminaryPhoto, read_preliminary


def line(name: str, outcome: str = 'found', **more) -> str:
    return json.dumps(dict(name=name, image=more.pop('image', f'{name}.jpg'), outcome=outcome, **more))


def test_shards_merge_and_the_later_line_counts(tmp_path):
    (tmp_path / 'manifest.0.jsonl').write_text('\n'.join([line('b', 'empty'), line('a/x', area=0.3), '']))
    (tmp_path / 'manifest.1.jsonl').write_text(line('b', image='/elsewhere/b.png') + '\n')
    found = read_preliminary(tmp_path, Path('photos'))
    masks = tmp_path / 'masks'
    assert found == [
        PreliminaryPhoto('a/x', Path('photos/a/x.jpg'), 'found', masks / 'a' / 'x.png'),
        PreliminaryPhoto('b', Path('/elsewhere/b.png'), 'found', masks / 'b.png'),
    ]


@pytest.mark.parametrize('bad', ['{"name": "a"', '{"name": "a", "image": "a.jpg"}', '[]'])
def test_a_damaged_line_is_named(tmp_path, bad):
    (tmp_path / 'manifest.jsonl').write_text(line('a') + '\n' + bad + '\n')
    with pytest.raises(UserError, match=r'`name`, `image` and `outcome` in .*manifest.jsonl:2'):
        read_preliminary(tmp_path, tmp_path)


def test_a_missing_or_empty_manifest_is_named(tmp_path):
    with pytest.raises(UserError, match=r'there is no manifest.jsonl; make them first'):
        read_preliminary(tmp_path, tmp_path)
    (tmp_path / 'manifest.jsonl').write_text('\n')
    with pytest.raises(UserError, match='at least one photo'):
        read_preliminary(tmp_path, tmp_path)
