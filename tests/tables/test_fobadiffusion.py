"""The fobadiffusion tables at tiny size: what their rows are computed from."""

from __future__ import annotations

import numpy as np
import pytest

from mmseg_gen.tables import concept_maps, fobadiffusion_fig3, fobadiffusion_fig12, fobadiffusion_fig13
from mmseg_gen.tables.catalogue import load_table, table_names
from mmseg_gen.tables.concept_maps import TOKENS, map_scores
from mmseg_gen.tables.context import Context
from mmseg_gen.tables.scenes import labelled_scenes

NAMES = [name for name in table_names() if name.startswith('fobadiffusion')]


@pytest.fixture
def context(tmp_path):
    return Context('t', tmp_path, 'a' * 64, quick=True)


def test_every_table_is_found_and_its_claims_name_its_rows():
    assert NAMES == [f'fobadiffusion_{end}' for end in ('fig12', 'fig13', 'fig3', 'guidance', 'tab2')]
    for name in NAMES:
        assert load_table(name).CLAIMS


@pytest.mark.parametrize('table', [fobadiffusion_fig3, fobadiffusion_fig12, fobadiffusion_fig13])
def test_rows_average_the_right_maps(table, context, monkeypatch):
    scenes = labelled_scenes(3)
    rng = np.random.default_rng(0)
    maps = rng.random((3, 8, 50, len(TOKENS), 4, 4)).astype(np.float16)

    def given(context, scenes, *, used, repeats=1, tokens=False):
        return maps[:, :repeats, :used, : len(TOKENS) if tokens else 1]

    monkeypatch.setattr(table, 'labelled_scenes', lambda count: scenes)
    monkeypatch.setattr(table, 'step_maps', given)
    rows = {row.name: row.scores.means['auc'] for row in table.run(context)}
    expected = {
        fobadiffusion_fig3: {'T0 = 5': maps[:, 0, :5, 0].mean(1, dtype=np.float32)},
        fobadiffusion_fig12: {'N = 2': maps[:, :2, :20, 0].mean((1, 2), dtype=np.float32)},
        fobadiffusion_fig13: {'class': maps[:, 0, :20, 5].mean(1, dtype=np.float32)},
    }[table]
    for name, own in expected.items():
        np.testing.assert_allclose(rows[name], map_scores(own, scenes).means['auc'], atol=1e-6)


def test_maps_are_taken_once_and_the_class_token_is_the_plain_map(context, monkeypatch):
    scenes = labelled_scenes(1)
    plain = concept_maps.step_maps(context, scenes, used=1)
    every = concept_maps.step_maps(context, scenes, used=1, tokens=True)
    assert plain.shape == (1, 1, 1, 1, 16, 16)
    assert every.shape[3] == len(TOKENS)
    np.testing.assert_allclose(every[0, 0, 0, TOKENS.index('class')], plain[0, 0, 0, 0], rtol=2e-3)
    monkeypatch.setattr(concept_maps, '_scene_maps', lambda *args: pytest.fail('taken again'))
    np.testing.assert_array_equal(concept_maps.step_maps(context, scenes, used=1), plain)
