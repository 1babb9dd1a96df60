"""The G4Seg tables at tiny size: their scenes, rows, settings and search."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from mmseg_gen.functional.region_counts import mask_iou
from mmseg_gen.tables import g4seg_fig5, g4seg_fig7, g4seg_tab4, g4seg_tab5, g4seg_tab6, g4seg_tab10, refinement
from mmseg_gen.tables.coarse_scenes import coarse_scenes
from mmseg_gen.tables.context import Context
from mmseg_gen.tables.scenes import TUNING_SEED
from tests.tiny_models import tiny_parts

ROOT = Path(__file__).resolve().parents[2]
COARSE = dict(kinds=['eroded', 'shifted'], iou=[0.4, 0.8], soften=3.0)


def test_scenes_hold_their_classes_their_truth_and_masks_of_the_asked_overlap():
    scenes = coarse_scenes(8, COARSE)
    assert [len(s.classes) for s in scenes] == [2, 3] * 4
    assert [s.kind for s in scenes] == ['eroded', 'eroded', 'shifted', 'shifted'] * 2
    for scene in scenes:
        assert scene.image.shape == (64, 64, 3)
        assert np.allclose(scene.probabilities.sum(0), 1, atol=1e-6)
        assert set(np.unique(scene.truth)) <= set(range(len(scene.classes)))
        assert scene.ious(scene.truth) == [1.0] * (len(scene.classes) - 1)
        assert all(value < 0.9 for value in scene.ious(scene.probabilities.argmax(0)))
    exact = coarse_scenes(2, COARSE, iou=(1.0, 1.0))
    assert all(mask_iou(s.probabilities[1] > 0.5, s.truth == 1) > 0.99 for s in exact)


def test_scenes_below_the_least_overlap_are_passed_over():
    scenes = coarse_scenes(4, COARSE, iou=(0.9, 1.0), least=0.95)
    assert len(scenes) == 4
    for scene in scenes:
        labels = scene.probabilities.argmax(0)
        for c in range(1, len(scene.classes)):
            own, true = labels == c, scene.truth == c
            assert (own & true).sum() >= 0.95 * (own | true).sum()
    every = [s.image.tobytes() for s in coarse_scenes(30, COARSE, iou=(0.9, 1.0))]
    places = [every.index(s.image.tobytes()) for s in scenes]
    assert places == sorted(places)
    with pytest.raises(ValueError, match='Expected 1 scenes with an IoU of at least'):
        coarse_scenes(1, COARSE, least=0.95)


def test_scenes_to_choose_on_are_others_than_scenes_to_judge_by():
    judged, tuned = coarse_scenes(2, COARSE), coarse_scenes(2, COARSE, first_seed=TUNING_SEED)
    assert all((a.image != b.image).any() for a, b in zip(judged, tuned, strict=True))


def test_dotted_settings_are_nested():
    flat = {'type': 'G4Seg', 'band.low': 0.1, 'band.high': 0.7, 'beta': 0.5}
    assert refinement.nested(flat) == dict(type='G4Seg', band=dict(low=0.1, high=0.7), beta=0.5)


def test_a_row_starts_from_what_was_chosen_for_another():
    rows = {
        'a': dict(fixed=dict(type='DenseCRF', x=1)),
        'b': dict(start='a', fixed=dict(y=2)),
        'c': dict(chain=['a', 'b']),
    }
    assert refinement.row_settings(rows, {}, 'b') == dict(type='DenseCRF', x=1, y=2)
    assert refinement.row_settings(rows, {'a': dict(type='DenseCRF', x=5)}, 'b')['x'] == 5
    chain = refinement.row_settings(rows, {}, 'c')
    assert chain['type'] == 'RefinerChain'
    assert [r['type'] for r in chain['refiners']] == ['DenseCRF', 'DenseCRF']
    assert refinement.row_settings({'baseline': {}}, {}, 'baseline') is None


def test_every_committed_row_builds(monkeypatch):
    monkeypatch.setattr(refinement, 'embedded_parts', lambda: tiny_parts(clip=True))
    settings = refinement.committed_settings()
    assert settings.pop('baseline') is None
    for own in settings.values():
        refinement.build(own)


@pytest.mark.parametrize('table', [g4seg_tab4, g4seg_fig5, g4seg_tab5, g4seg_tab6, g4seg_tab10])
def test_tables_have_the_rows_that_their_claims_name(table, tmp_path, monkeypatch):
    def ious(refiner, scenes, name=''):
        return np.full(len(scenes), 0.5)

    monkeypatch.setattr(refinement, 'scene_ious', ious)
    monkeypatch.setattr(refinement, 'build', lambda settings: None)
    rows = table.run(Context('test', tmp_path, 'weights', quick=True))
    names = [row.name for row in rows]
    assert len(set(names)) == len(names)
    assert all(c.better in names and c.worse in names for c in table.CLAIMS)
    assert all(row.scores.count == rows[0].scores.count for row in rows)


def test_a_row_scores_the_mean_over_objects():
    scenes = coarse_scenes(2, COARSE)

    def perfect(image, probabilities, classes):
        scene = next(s for s in scenes if s.image is image)
        return np.eye(len(classes))[scene.truth].transpose(2, 0, 1)

    assert refinement.scene_ious(perfect, scenes).tolist() == [1.0, 1.0]
    before = refinement.scene_ious(None, scenes)
    expected = [
        np.mean([mask_iou(s.probabilities.argmax(0) == c, s.truth == c) for c in range(1, len(s.classes))])
        for s in scenes
    ]
    assert np.allclose(before, expected)


def test_correspondences_of_a_shifted_image_are_counted(monkeypatch):
    monkeypatch.setattr(g4seg_fig7, 'embedded_parts', lambda: tiny_parts(clip=True))
    rows, columns = torch.meshgrid(torch.linspace(-1, 1, 32), torch.linspace(-1, 1, 32), indexing='ij')
    distinct = torch.stack([rows, columns, rows * columns])[None]
    mask = np.zeros((32, 32), bool)
    mask[5:20, 4:20] = True
    arguments = ([mask], ['cat'], dict(type='Colors'))
    assert g4seg_fig7.accuracy(distinct, *arguments, False).tolist() == [1.0]
    assert g4seg_fig7.accuracy(torch.zeros_like(distinct), *arguments, False)[0] < 0.1
    assert 0 <= g4seg_fig7.accuracy(distinct, *arguments, True)[0] < 1


def test_the_search_writes_what_it_chose(tmp_path):
    spec = importlib.util.spec_from_file_location('tune_refinement', ROOT / 'tools' / 'tune_refinement.py')
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    (tmp_path / 'rows.py').write_text(f"""
_base_ = ['./chosen_refinements.json']
tuning = dict(scenes=3, rounds=1)
coarse = {COARSE!r}
rows = dict(baseline=dict(), crf=dict(fixed=dict(type='GuidedFilter', radius=1), search=['radius']))
grid = dict(radius=[1, 3])
""")
    (tmp_path / 'chosen_refinements.json').write_text('{"tuning_iou": {}, "chosen": {}}')
    assert tool.main(['--rows', str(tmp_path / 'rows.py')]) == 0
    written = json.loads((tmp_path / 'chosen_refinements.json').read_text())
    scenes = coarse_scenes(3, COARSE, first_seed=TUNING_SEED)
    scores = {
        r: refinement.scene_ious(refinement.build(dict(type='GuidedFilter', radius=r)), scenes).mean() for r in (1, 3)
    }
    assert written['chosen']['crf']['radius'] == max(scores, key=scores.get)
    assert written['tuning_iou']['crf'] == pytest.approx(max(scores.values()), abs=1e-4)
    assert tool.main(['--rows', str(tmp_path / 'rows.py'), '--only', 'none']) == 2


def test_a_row_that_must_spare_right_masks_takes_the_best_that_does(tmp_path, monkeypatch):
    spec = importlib.util.spec_from_file_location('tune_refinement', ROOT / 'tools' / 'tune_refinement.py')
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    # Strength gains on coarse masks, and above 0.3 it costs the right ones.
    gains, losses = {0.1: 0.6, 0.3: 0.65, 0.9: 0.8}, {0.1: 0.99, 0.3: 0.9895, 0.9: 0.95}

    def ious(strength, scenes, name=''):
        right = np.mean([s.ious(s.probabilities.argmax(0)) for s in scenes]) > 0.9
        before = 0.99 if right else 0.55
        value = before if strength is None else (losses if right else gains)[strength]
        return np.full(len(scenes), value)

    monkeypatch.setattr(refinement, 'scene_ious', ious)
    monkeypatch.setattr(refinement, 'build', lambda settings: settings['strength'])
    (tmp_path / 'rows.py').write_text(f"""
_base_ = ['./chosen_refinements.json']
tuning = dict(scenes=1, rounds=1)
coarse = {COARSE!r}
rows = dict(spare=dict(fixed=dict(strength=0.9), search=['strength'], exact=True))
grid = dict(strength=[0.1, 0.3, 0.9])
""")
    (tmp_path / 'chosen_refinements.json').write_text('{"tuning_iou": {}, "chosen": {}}')
    assert tool.main(['--rows', str(tmp_path / 'rows.py')]) == 0
    written = json.loads((tmp_path / 'chosen_refinements.json').read_text())
    assert written['chosen']['spare'] == {'strength': 0.3}
    assert written['tuning_iou'] == {'baseline': 0.55, 'spare': 0.65}
