"""The report on a folder of labelled photos: outcomes counted, maps for every concept, bad photos named."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from mmseg_gen.cli.main import main
from mmseg_gen.datasets.index_png import encode_index_png
from mmseg_gen.errors import UserError
from mmseg_gen.functional.photo_records import MANIFEST, PhotoRecord, records_bytes
from mmseg_gen.visualization import report_numbers
from mmseg_gen.visualization.photo_entries import photo_entries
from mmseg_gen.visualization.report import write_report
from mmseg_gen.visualization.report_samples import FAILED
from tests.visualization.test_report import Reader

SIZE = (24, 36)


def store(root, path, save):
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    save(root / path)
    return path, (root / path).stat().st_size


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """As `label` leaves it for two classes: one photo with a mask, one empty, one unreadable; maps beside them."""
    monkeypatch.setattr(report_numbers, '_statistics_plots', lambda statistics: [])
    root, rng = tmp_path / 'labels', np.random.default_rng(0)
    mask = np.zeros(SIZE, np.uint8)
    mask[4:12, 4:20], mask[14:20, 8:30] = 1, 2
    outcomes = {'a': 'found', 'deep/b': 'empty', 'c': 'unreadable'}
    for name, outcome in outcomes.items():
        photo = tmp_path / 'photos' / f'{name}.png'
        photo.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 255, (*SIZE, 3), dtype=np.uint8)).save(photo)
        if outcome == 'unreadable':
            photo.write_bytes(b'x')
    maps = rng.random((2, 6, 9)).astype(np.float16)
    first, second = [], []
    for name, outcome in outcomes.items():
        image, found = str(tmp_path / 'photos' / f'{name}.png'), outcome == 'found'
        files = {}
        if outcome != 'unreadable':
            files['map'] = store(root / 'preliminary', f'maps/{name}.npy', lambda path: np.save(path, maps))
        first.append(PhotoRecord(name, image, outcome, files))
        files = {}
        if found:
            files['mask'] = store(root, 'masks/a.png', lambda path: path.write_bytes(encode_index_png(mask)))
        notes, measures = (('several_tokens',), {'uncertainty': 0.25}) if found else ((), {})
        detail = 'cut <off>' if outcome == 'unreadable' else ''
        second.append(PhotoRecord(name, image, outcome, files, measures, notes, detail))
    (root / 'preliminary' / MANIFEST).write_bytes(records_bytes(first))
    (root / MANIFEST).write_bytes(records_bytes(second))
    stage = {'prompt': 'a photo of a bird and a dog', 'concepts': [['bird'], ['dog', 'puppy']], 'seed': 3}
    (root / 'stage.json').write_text(json.dumps(stage))
    return root


def test_outcomes_are_counted_and_every_photo_is_named(folder, tmp_path):
    html = write_report(folder, tmp_path / 'r.html').read_text()
    text = Reader(html).text
    for outcome in ('empty1', 'found1', 'unreadable1', 'several_tokens1'):
        assert outcome in text
    assert '3 samples of 1 classes: 1 kept' in text
    assert 'cut <off>' in text
    assert 'cut <off>' not in html
    for name in ('a', 'deep/b', 'c', 'Dropped by reason', 'a photo of a bird and a dog'):
        assert name in text


def test_photo_mask_and_a_map_of_each_concept_are_drawn(folder, tmp_path):
    images = Reader(write_report(folder, tmp_path / 'r.html').read_text()).all('img')
    words = [image['alt'] for image in images]
    # Of the photo with a mask and of the empty one; the unreadable one has no card.
    for word in ('the word bird', 'the word dog'):
        assert sum(word in alt for alt in words) == 2
    assert sum(alt.startswith('Image of bird, dog') for alt in words) == 2
    labelled = 8 * 16 + 6 * 22
    assert f'with its mask, {100 * labelled / np.prod(SIZE):.0f} % of the area, in colour' in ' '.join(words)


def test_a_photo_that_is_gone_is_said(folder, tmp_path):
    (tmp_path / 'photos/a.png').unlink()
    assert 'Cannot be shown' in Reader(write_report(folder, tmp_path / 'r.html').read_text()).text


def test_a_damaged_stage_is_refused_and_a_missing_one_gives_plain_names(folder):
    (folder / 'stage.json').write_text('{')
    with pytest.raises(UserError, match='to be JSON'):
        photo_entries(folder)
    (folder / 'stage.json').unlink()
    assert [entry.class_name for entry in photo_entries(folder)] == ['object'] * 3
    assert photo_entries(folder / 'none') == []


def test_the_command_takes_the_folder_of_label(folder, tmp_path, capsys):
    assert main(['report', str(folder)]) == 0
    assert str(tmp_path / 'labels_report.html') in capsys.readouterr().out


def test_a_photo_that_was_given_up_has_failed_as_an_unreadable_one(tmp_path):
    photo = tmp_path / 'a.png'
    Image.fromarray(np.zeros((*SIZE, 3), np.uint8)).save(photo)
    records = [PhotoRecord('a', str(photo), 'given_up', detail='3 processes died'), PhotoRecord('b', 'b.png', 'empty')]
    (tmp_path / MANIFEST).write_bytes(records_bytes(records))
    given_up, empty = photo_entries(tmp_path)
    assert given_up.reason == f'{FAILED}3 processes died'
    assert (given_up.files, empty.reason) == ({}, 'empty')
