"""The report of a run: its scores are those of the masks, and missing stages are left out."""

from __future__ import annotations

import json

import numpy as np
import pytest
from mmengine.config import Config

from mmseg_gen.datasets.concept_scenes import write_concept_scenes
from mmseg_gen.datasets.index_png import encode_index_png
from mmseg_gen.datasets.label_reading import decode_labels
from mmseg_gen.engine.concepts.run import ConceptRun
from mmseg_gen.errors import UserError
from mmseg_gen.functional.photo_records import MANIFEST, PhotoRecord, records_bytes
from mmseg_gen.visualization.concept_report import write_concept_report


@pytest.fixture
def run(tmp_path):
    """A run of three photos: of one the preliminary mask is the truth, of one it is empty, one is unreadable."""
    photos, truth = write_concept_scenes(tmp_path / 'scenes', 3)
    work = tmp_path / 'work'
    records = []
    for number, outcome in enumerate(('found', 'empty', 'unreadable')):
        name = f'scene_{number:05d}'
        files = {}
        if outcome != 'unreadable':
            files['map'] = store(work / 'preliminary', 'maps', name, '.npy', np.random.default_rng(number))
        if outcome == 'found':
            files['mask'] = store(work / 'preliminary', 'masks', name, '.png', truth / f'{name}.png')
        notes = ('no_rectangle',) if outcome == 'found' else ()
        records.append(PhotoRecord(name, str(photos / f'{name}.png'), outcome, files, {}, notes, '<why>'))
    (work / 'preliminary' / MANIFEST).write_bytes(records_bytes(records))
    concept = dict(photos=str(photos), truth=str(truth))
    return ConceptRun.of(Config(dict(concept=concept, work_dir=str(work))))


def store(root, kind, name, suffix, source):
    path = root / kind / f'{name}{suffix}'
    path.parent.mkdir(parents=True, exist_ok=True)
    if suffix == '.npy':
        np.save(path, source.random((1, 16, 16)).astype(np.float16))
    else:
        path.write_bytes(encode_index_png(decode_labels(source.read_bytes(), source)))
    return f'{kind}/{name}{suffix}', path.stat().st_size


def test_outcomes_and_scores_are_counted(run):
    out = write_concept_report(run, max_photos=2)
    content = json.loads((run.root / 'report.json').read_text())
    assert content['outcomes'] == {'preliminary': {'empty': 1, 'found': 1, 'no_rectangle': 1, 'unreadable': 1}}
    scores = content['scores']
    assert scores['n'] == 3
    assert scores['steps']['preliminary']['iou']['mean'] == pytest.approx(1 / 3, abs=1e-4)
    assert list(scores['steps']) == ['preliminary']
    assert 0 < scores['auc']['mean'] < 1
    page = out.read_text()
    assert '&lt;why&gt;' in page
    assert '<why>' not in page
    assert (run.root / 'sheet.png').is_file()
    assert not (run.root / 'guidance.png').exists()


def test_a_work_folder_without_results_has_no_report(tmp_path, run):
    empty = ConceptRun.of(Config(dict(concept=dict(photos=run.settings.photos), work_dir=str(tmp_path / 'none'))))
    with pytest.raises(UserError, match=r'Expected results in .*none, but there are none; run the stage `prel'):
        write_concept_report(empty)
    assert not empty.root.exists()
