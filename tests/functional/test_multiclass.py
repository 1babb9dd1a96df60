"""Label maps of several classes: exact scenes, loops and single-class AttentionCut as oracles."""

from __future__ import annotations

import numpy as np
import pytest

from mmseg_gen.functional.attention_cut import CutSettings, attention_cut
from mmseg_gen.functional.evidence import Evidence
from mmseg_gen.functional.label_cleaning import border_band
from mmseg_gen.functional.multiclass import SceneSettings, label_costs, label_scene, map_contrast, with_layers
from mmseg_gen.functional.scene_evidence import SceneEvidence, load_evidence

GRID, SIZE = (12, 16), (24, 32)
LEFT, RIGHT = np.zeros(GRID, bool), np.zeros(GRID, bool)
LEFT[3:9, 1:6], RIGHT[2:10, 9:15] = True, True


def evidence_of(mask, seed=0, noise=0.02):
    """Three layers: the mask with noise, none of them inverted."""
    rng = np.random.default_rng(seed)
    cross = 0.1 + 0.8 * mask + noise * rng.random((3, *GRID))
    return Evidence(cross, cross.std((1, 2)), mask * 0.5, np.full((4, *GRID), 0.1))


def flat_evidence(noise, seed=1):
    cross = 0.3 + noise * np.random.default_rng(seed).random((3, *GRID))
    return Evidence(cross, cross.std((1, 2)), np.zeros(GRID), np.full((4, *GRID), 0.1))


def picture(*masks):
    image = np.full((*SIZE, 3), 60, np.uint8)
    for i, mask in enumerate(masks):
        image[np.kron(mask, np.ones((2, 2), bool))] = ((220, 40, 40), (40, 40, 220))[i]
    return image


def grown(mask):
    return np.kron(mask, np.ones((2, 2), bool))


def test_two_objects_get_their_ids():
    scene = SceneEvidence((7, 3), (evidence_of(LEFT), evidence_of(RIGHT, 1)))
    found = label_scene(scene, picture(LEFT, RIGHT))
    expected = np.select([grown(LEFT), grown(RIGHT)], [7, 3], 0)
    assert found.labels.dtype == np.uint8
    assert np.array_equal(found.labels, expected)
    assert found.missing == ()
    assert 0 <= found.uncertainty < 0.4


@pytest.mark.parametrize('changes', [{}, dict(color_rounds=2, lam=1.0), dict(calibration='mixture'),
                                     dict(neighborhood=4), dict(grid='attention'), dict(bias=-1.0)])  # fmt: skip
def test_one_class_is_attention_cut(changes):
    cut = CutSettings(min_component=0.0, fill_holes=False, **changes)
    evidence = evidence_of(LEFT | RIGHT, noise=0.6)
    rng = np.random.default_rng(0)
    image = np.clip(picture(LEFT, RIGHT) + rng.normal(0, 25, (*SIZE, 3)), 0, 255).astype(np.uint8)
    expected = attention_cut(evidence, image, cut)
    found = label_scene(SceneEvidence((5,), (evidence,)), image, cut)
    assert np.array_equal(found.labels == 5, expected.mask)
    if not cut.color_rounds:  # the colours' part of the energy is split up in another way
        assert found.energy == pytest.approx(expected.energy, rel=1e-4)
    assert found.uncertainty == pytest.approx(expected.uncertainty, abs=1e-5)


@pytest.mark.parametrize('noise', [0.0, 0.01])
def test_a_flat_map_forces_no_region(noise):
    scene = SceneEvidence((1, 2), (evidence_of(LEFT), flat_evidence(noise)))
    found = label_scene(scene, picture(LEFT), settings=SceneSettings(min_contrast=0.05))
    assert np.array_equal(found.labels, grown(LEFT).astype(np.uint8))
    assert found.missing == (2,)


def test_without_the_rule_stretched_noise_would_force_one():
    scene = SceneEvidence((1, 2), (evidence_of(LEFT), flat_evidence(0.01)))
    assert (label_scene(scene, picture(LEFT)).labels == 2).any()


def test_nothing_present_is_background():
    scene = SceneEvidence((1, 2), (flat_evidence(0.0), flat_evidence(0.0)))
    found = label_scene(scene, picture())
    assert not found.labels.any()
    assert (found.uncertainty, found.energy, found.missing) == (1.0, 0.0, (1, 2))


def test_the_order_of_the_classes_does_not_matter():
    a, b = evidence_of(LEFT, noise=0.3), evidence_of(RIGHT, 1, noise=0.3)
    image = picture(LEFT, RIGHT)
    one, two = (label_scene(SceneEvidence(*args), image).labels for args in (((1, 2), (a, b)), ((2, 1), (b, a))))
    assert np.array_equal(one, two)


def test_where_two_classes_claim_a_region_the_stronger_gets_it():
    strong, weak = evidence_of(LEFT, noise=0), evidence_of(LEFT | RIGHT, noise=0)
    weak = Evidence(weak.cross - 0.35 * LEFT, weak.deviation, RIGHT * 0.5, weak.affinity)
    found = label_scene(SceneEvidence((1, 2), (strong, weak)), picture(LEFT, RIGHT))
    assert np.array_equal(found.labels, np.select([grown(LEFT), grown(RIGHT)], [1, 2], 0))


def test_probabilities_are_odds_that_sum_to_one():
    u = np.random.default_rng(0).uniform(0.01, 0.99, (3, 2, 4))
    p = np.exp(-label_costs(u))
    np.testing.assert_allclose(p.sum(0), 1)
    for y, x in np.ndindex(2, 4):
        odds = [1.0, *(v / (1 - v) for v in u[:, y, x])]
        for k in range(4):
            assert p[k, y, x] == pytest.approx(odds[k] / sum(odds))


def test_ignored_pixels_are_the_band_and_the_rest_is_unchanged():
    scene = SceneEvidence((1, 2), (evidence_of(LEFT), evidence_of(RIGHT, 1)))
    image = picture(LEFT, RIGHT)
    plain = label_scene(scene, image).labels
    found = label_scene(scene, image, settings=SceneSettings(ignore_width=1)).labels
    band = border_band(plain.astype(int), 1)
    assert band.any()
    assert np.array_equal(found, np.where(band, 255, plain))


def test_contrast_is_the_deviation_over_the_mean():
    evidence = evidence_of(LEFT, noise=0.5)
    top = evidence.cross[np.argsort(-evidence.deviation)[:2]].astype(np.float64).mean(0)
    assert map_contrast(evidence, 2) == pytest.approx(top.std() / top.mean(), rel=1e-5)
    assert map_contrast(flat_evidence(0.0), 2) == pytest.approx(0, abs=1e-6)


def test_named_layers_are_used_alone():
    good, bad = evidence_of(LEFT), 10 * (1 - LEFT.astype(float))
    cross = np.stack([bad, good.cross[0], good.cross[1]])
    inverted = Evidence(cross, cross.std((1, 2)), good.seed_map, good.affinity)
    scene, image = SceneEvidence((1,), (inverted,)), picture(LEFT)
    settings = SceneSettings(layers=(1, 2))
    assert np.array_equal(label_scene(scene, image, settings=settings).labels, grown(LEFT).astype(np.uint8))
    assert not np.array_equal(label_scene(scene, image).labels, grown(LEFT).astype(np.uint8))
    assert SceneSettings(layers=(0,)).layers == (0,)
    np.testing.assert_allclose(with_layers(inverted, (2, 1)).cross.mean((1, 2)), 1, rtol=1e-5)
    with pytest.raises(ValueError, match=r'`layers` in \[0, 3\), but got 3'):
        with_layers(inverted, (3,))


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (dict(min_contrast=-1), '`min_contrast` to be 0 or more'),
        (dict(ignore_width=1.5), '`ignore_width` to be a whole number'),
        (dict(ignore_margin=2), r'`ignore_margin` in \[0, 1\]'),
        (dict(min_share=-0.1), r'`min_share` in \[0, 1\]'),
        (dict(layers=()), '`layers` to be numbers'),
        (dict(layers=(1, 1)), '`layers` to be numbers'),
    ],
)
def test_wrong_settings_are_named(change, message):
    with pytest.raises(ValueError, match=message):
        SceneSettings(**change)


def test_evidence_reads_back_as_stored(tmp_path):
    scene = SceneEvidence((9, 4), (evidence_of(LEFT), evidence_of(RIGHT, 1)))
    scene.save(tmp_path / 'e.npz')
    for other in (load_evidence(tmp_path / 'e.npz'), scene.stored()):
        assert other.class_ids == (9, 4)
        for mine, yours in zip(scene.classes, other.classes, strict=True):
            for name in ('cross', 'deviation', 'seed_map', 'affinity'):
                np.testing.assert_allclose(getattr(yours, name), getattr(mine, name), rtol=1e-3, atol=1e-3)
    scene.classes[0].save(tmp_path / 'one.npz')
    assert isinstance(load_evidence(tmp_path / 'one.npz'), Evidence)


def test_damaged_evidence_is_named(tmp_path):
    path = tmp_path / 'e.npz'
    SceneEvidence((9,), (evidence_of(LEFT),)).save(path)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(ValueError, match=r'Expected evidence as `save` writes it, but got .*e\.npz'):
        load_evidence(path)
    with pytest.raises(FileNotFoundError):
        load_evidence(tmp_path / 'none.npz')


@pytest.mark.parametrize(
    ('ids', 'count', 'message'),
    [((), 0, 'at least one'), ((1, 1), 2, 'each once'), ((0,), 1, r'\[1, 254\]'), ((255,), 1, r'\[1, 254\]'),
     ((1, 2), 1, 'evidence of 2 `classes`')],
)  # fmt: skip
def test_wrong_scenes_are_named(ids, count, message):
    with pytest.raises(ValueError, match=message):
        SceneEvidence(ids, tuple(evidence_of(LEFT) for _ in range(count)))
