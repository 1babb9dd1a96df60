"""Evidence of concept distillation on disk."""

from __future__ import annotations

import numpy as np
import pytest

from mmseg_gen.functional.concept_evidence import ConceptEvidence
from mmseg_gen.functional.scene_evidence import load_evidence


def evidence(ids=()):
    rng = np.random.default_rng(0)
    return ConceptEvidence(rng.random((2, 4, 6)) * 0.01, rng.integers(0, 256, (16, 24, 3), np.uint8), ids)


def test_it_reads_back_as_stored_says(tmp_path):
    made = evidence((1, 2))
    made.save(tmp_path / 'a.npz')
    for found in (ConceptEvidence.load(tmp_path / 'a.npz'), load_evidence(tmp_path / 'a.npz')):
        np.testing.assert_array_equal(found.maps, made.stored().maps)
        np.testing.assert_allclose(found.maps, made.maps, rtol=1e-3)
        np.testing.assert_array_equal(found.background, made.background)
        assert found.class_ids == (1, 2)


def test_a_map_of_zeros_stays(tmp_path):
    made = ConceptEvidence(np.zeros((1, 3, 3)), np.zeros((9, 9, 3), np.uint8))
    np.testing.assert_array_equal(made.stored().maps, 0)


def test_damage_is_named(tmp_path):
    (tmp_path / 'a.npz').write_bytes(b'nothing')
    with pytest.raises(ValueError, match=r'ConceptEvidence\.save'):
        ConceptEvidence.load(tmp_path / 'a.npz')
    with pytest.raises(FileNotFoundError):
        ConceptEvidence.load(tmp_path / 'b.npz')


@pytest.mark.parametrize(
    ('maps', 'background', 'ids', 'match'),
    [
        (np.zeros((4, 6)), np.zeros((8, 8, 3), np.uint8), (), 'maps'),
        (np.full((1, 4, 6), np.nan), np.zeros((8, 8, 3), np.uint8), (), 'finite'),
        (np.zeros((2, 4, 6)), np.zeros((8, 8, 3), np.uint8), (1,), 'class_ids'),
        (np.zeros((2, 4, 6)), np.zeros((8, 8), np.uint8), (), 'image'),
    ],
)
def test_wrong_arrays_are_refused(maps, background, ids, match):
    with pytest.raises(ValueError, match=match):
        ConceptEvidence(maps, background, ids)
