import dataclasses

import numpy as np
import pytest
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import dijkstra

from mmseg_gen.functional.attention import NEIGHBORS
from mmseg_gen.functional.attention_cut import (
    CutSettings,
    attention_cut,
    boundary_seeds,
    geodesic_similarity,
    pair_weights,
    resize_affinity,
)
from mmseg_gen.functional.canvas import color_planes
from mmseg_gen.functional.color_model import color_logit
from mmseg_gen.functional.evidence import Evidence, cross_map
from mmseg_gen.functional.graph_cut import grid_cut
from mmseg_gen.functional.label_cut import label_energy
from mmseg_gen.functional.mixture import mixture_calibration
from mmseg_gen.functional.objectness import evidence_objectness, objectness
from tests.references.simulated_evidence import iou, simulate

STRONG = CutSettings(lam=1.0, color_rounds=4, color_weight=2.0)


def grid_distances(image):
    """Shortest paths between all pixels of the 8-neighbour graph with colour differences as edge lengths."""
    height, width = image.shape[:2]
    dense = np.zeros((height * width,) * 2)
    for y, x in np.ndindex(height, width):
        for dy, dx in NEIGHBORS:
            if 0 <= y + dy < height and 0 <= x + dx < width:
                length = np.linalg.norm(image[y, x] - image[y + dy, x + dx])
                dense[y * width + x, (y + dy) * width + x + dx] = length
    return dijkstra(csr_matrix(dense), directed=False)


def test_the_geodesic_distance_of_neighbours_is_the_direct_edge():
    for seed in range(5):
        image = np.random.default_rng(seed).random((6, 9, 3))
        distances, similarity = grid_distances(image), geodesic_similarity(image, 3.0)
        for y, x in np.ndindex(6, 9):
            for k, (dy, dx) in enumerate(NEIGHBORS):
                inside = 0 <= y + dy < 6 and 0 <= x + dx < 9
                expected = np.exp(-3.0 * distances[y * 9 + x, (y + dy) * 9 + x + dx]) if inside else 0
                assert similarity[k, y, x] == pytest.approx(expected)


def test_pair_weights_equal_the_formula():
    rng = np.random.default_rng(0)
    affinity, similarity = rng.random((2, 4, 3, 5))
    found = pair_weights(affinity, similarity, 2.5, 0.1)
    for k, (dy, dx) in enumerate(NEIGHBORS):
        np.testing.assert_allclose(found[k], 0.1 * (affinity[k] + 2.5 * similarity[k]) / np.hypot(dy, dx))


def test_objectness_is_the_clipped_sum():
    cross, seeds = np.array([[0.0, 0.5, 1.0]]), np.array([[0.0, 0.5, 1.0]])
    np.testing.assert_allclose(objectness(cross, seeds, 0.16, 0.02), [[0.02, 0.58, 0.98]])


@pytest.mark.parametrize('name', ['cross', 'seed_map'])
def test_objectness_refuses_nan_by_name(name):
    maps = {'cross': np.zeros((2, 3)), 'seed_map': np.zeros((2, 3))}
    maps[name][0, 1] = np.nan
    with pytest.raises(ValueError, match=f'`{name}` to be finite'):
        objectness(**maps, lambda_phi=0.1)


def test_seeds_lie_on_the_inner_boundary_and_repeat_with_the_generator():
    mask = np.zeros((9, 13), bool)
    mask[2:7, 3:11] = True
    seeds = boundary_seeds(mask, 6, np.random.default_rng(5))
    assert seeds.shape == (6, 2)
    assert len(np.unique(seeds, axis=0)) == 6
    for y, x in seeds:
        assert mask[y, x]
        assert not (mask[y - 1, x] and mask[y + 1, x] and mask[y, x - 1] and mask[y, x + 1])
    assert np.array_equal(seeds, boundary_seeds(mask, 6, np.random.default_rng(5)))
    assert not np.array_equal(seeds, boundary_seeds(mask, 6, np.random.default_rng(6)))


def test_a_short_boundary_gives_all_of_it_and_none_gives_none():
    mask = np.zeros((5, 6), bool)
    mask[2, 2:4] = True
    assert sorted(map(tuple, boundary_seeds(mask, 99, np.random.default_rng(0)))) == [(2, 2), (2, 3)]
    for flat in (np.zeros((5, 6), bool), np.ones((5, 6), bool)):
        assert boundary_seeds(flat, 3, np.random.default_rng(0)).shape == (0, 2)


def test_resized_affinity_keeps_constants_and_zeros_outside():
    affinity = np.zeros((4, 5, 7), np.float32)
    for k, (dy, dx) in enumerate(NEIGHBORS):
        affinity[k, : 5 - dy, max(0, -dx) : 7 - max(0, dx)] = 0.3
    for size in ((5, 7), (11, 20), (3, 2)):
        resized = resize_affinity(affinity, size)
        assert set(np.unique(resized.round(5))) <= {0, np.float32(0.3)}
        assert (resized[0, :, :-1] > 0).all()
        assert not resized[0, :, -1].any()
        assert not resized[3, :, 0].any()
    assert not resize_affinity(affinity, (1, 1)).any()


def test_the_default_is_the_papers_energy_at_its_minimum():
    evidence, image, _ = simulate(0)
    settings = CutSettings(min_component=0, fill_holes=False)
    result = attention_cut(evidence, image, settings)
    assert (settings.lambda_phi, settings.lambda_psi, settings.lam) == (0.16, 2.5, 0.1)
    u = evidence_objectness(evidence, image.shape[:2], settings).astype(float)
    similarity = geodesic_similarity(color_planes(image).astype(float), 20.0)
    weights = pair_weights(resize_affinity(evidence.affinity, u.shape), similarity, 2.5, 0.1)
    costs = np.stack([-np.log(1 - u), -np.log(u)])

    def energy(mask):
        return label_energy(mask.astype(int), costs, weights)

    assert result.energy == pytest.approx(energy(result.mask), rel=1e-4)
    rng = np.random.default_rng(0)
    for _ in range(50):
        other = result.mask ^ (rng.random(u.shape) < 0.01)
        assert energy(other) >= result.energy - 1e-3


@pytest.mark.parametrize('rounds', [1, 2])
def test_a_round_of_colours_takes_their_log_odds_from_the_foregrounds_cost(rounds):
    evidence, image, _ = simulate(1)
    # The attention lies beside the object, so that the colours have something to mend.
    image = np.roll(image, 8, 1)
    settings = CutSettings(lam=1.0, color_rounds=rounds, color_weight=3.0, min_component=0, fill_holes=False)
    u, colors = evidence_objectness(evidence, image.shape[:2], settings), color_planes(image)
    similarity = geodesic_similarity(colors, settings.color_scale)
    weights = pair_weights(resize_affinity(evidence.affinity, u.shape), similarity, settings.lambda_psi, 1.0)
    first, _ = grid_cut(-np.log1p(-u), -np.log(u), weights)
    mask = first
    for _ in range(rounds):
        logit = 3.0 * color_logit(colors, mask, settings.color_bins)
        mask, energy = grid_cut(-np.log1p(-u), -np.log(u) - logit, weights)
    result = attention_cut(evidence, image, settings)
    assert (mask & ~first).any()
    assert (first & ~mask).any()
    assert (result.mask == mask).all()
    assert result.energy == pytest.approx(energy + np.maximum(logit, 0).sum(), rel=1e-6)


def test_on_the_attention_grid_the_objectness_needs_no_resize():
    evidence, image, mask = simulate(1)
    settings = CutSettings(grid='attention', lam=1.0)
    grid = evidence.seed_map.shape
    expected = np.clip(cross_map(evidence, 2) + 0.16 * evidence.seed_map, 0.01, 0.99)
    np.testing.assert_allclose(evidence_objectness(evidence, grid, settings), expected, atol=1e-6)
    result = attention_cut(evidence, image, settings)
    assert result.mask.shape == image.shape[:2]
    assert iou(result.mask, mask) > 0.5


def test_mixture_calibration_and_bias_move_the_objectness():
    evidence, image, _ = simulate(2)
    grid = evidence.seed_map.shape
    u = evidence_objectness(evidence, grid, CutSettings(calibration='mixture'))
    expected = mixture_calibration(cross_map(evidence, 2) + 0.16 * evidence.seed_map)
    np.testing.assert_allclose(u, expected.clip(0.01, 0.99), atol=1e-6)
    plain, less = (evidence_objectness(evidence, grid, CutSettings(bias=b)) for b in (0.0, -0.5))
    most, least = (evidence_objectness(evidence, grid, CutSettings(bias=b)) for b in (30.0, -30.0))
    assert (most.max(), least.min()) == pytest.approx((0.99, 0.01))
    inner = (plain > 0.05) & (plain < 0.95)
    logits = [np.log(v / (1 - v)) for v in (plain, less)]
    np.testing.assert_allclose((logits[0] - logits[1])[inner], 0.5, atol=1e-4)
    areas = [attention_cut(evidence, image, CutSettings(bias=b)).mask.sum() for b in (-1.0, 0.0, 1.0)]
    assert areas[0] < areas[1] < areas[2]


def test_colour_rounds_find_the_object_better_than_one_cut():
    scores = {name: [] for name in ('paper', 'strong')}
    for seed in range(12):
        evidence, image, mask = simulate(seed)
        scores['paper'].append(iou(attention_cut(evidence, image).mask, mask))
        scores['strong'].append(iou(attention_cut(evidence, image, STRONG).mask, mask))
    assert np.mean(scores['strong']) > 0.9
    assert np.mean(scores['strong']) > np.mean(scores['paper']) + 0.05


def test_objects_that_attention_hardly_sees_are_dropped():
    evidence, image, mask = simulate(3)
    image = image.copy()
    image[:8, :8] = image[mask].mean(0)
    cross = evidence.cross.copy()
    cross[:, :2, :2] += 0.055
    evidence = dataclasses.replace(evidence, cross=cross)
    kept = attention_cut(evidence, image, dataclasses.replace(STRONG, min_component=0.02)).mask
    dropped = attention_cut(evidence, image, dataclasses.replace(STRONG, min_component=0.02, min_objectness=0.9)).mask
    assert kept[:8, :8].mean() > 0.9
    assert not dropped[:8, :8].any()
    assert iou(dropped, mask) > iou(kept, mask)


@pytest.mark.parametrize(
    'settings', [CutSettings(), STRONG, CutSettings(calibration='mixture'), CutSettings(grid='attention')]
)
def test_constant_evidence_gives_an_empty_mask_of_full_uncertainty(settings):
    flat = Evidence(np.full((2, 4, 5), 0.1), np.zeros(2), np.zeros((4, 5)), np.zeros((4, 4, 5)))
    result = attention_cut(flat, simulate(0)[1], settings)
    assert not result.mask.any()
    assert result.uncertainty == 1
    assert np.isfinite(result.energy)


@pytest.mark.parametrize('size', [(1, 1), (1, 40), (40, 1), (3, 200), (33, 47)])
def test_images_of_any_size(size):
    evidence, image, _ = simulate(0)
    image = np.resize(image, (*size, 3))
    result = attention_cut(evidence, image, STRONG)
    assert result.mask.shape == result.objectness.shape == size
    assert result.mask.dtype == bool
    assert result.objectness.dtype == np.float32
    assert 0 <= result.uncertainty <= 1


def test_large_images_are_cut_small_and_masked_at_size():
    evidence, image, _ = simulate(4)
    large = image.repeat(4, 0).repeat(4, 1)
    limited = attention_cut(evidence, large, dataclasses.replace(STRONG, max_side=64))
    assert limited.mask.shape == large.shape[:2]
    assert iou(limited.mask[2::4, 2::4], attention_cut(evidence, image, STRONG).mask) > 0.97


def test_uncertainty_grows_with_noise():
    clean, noisy = (
        np.mean([attention_cut(*simulate(s, noise=n)[:2], STRONG).uncertainty for s in range(6)]) for n in (0.02, 0.4)
    )
    assert clean < noisy


def test_the_cut_is_repeatable_and_leaves_its_inputs():
    evidence, image, _ = simulate(5)
    before, cross = image.copy(), evidence.cross.copy()
    first, second = attention_cut(evidence, image, STRONG), attention_cut(evidence, image, STRONG)
    assert (first.mask == second.mask).all()
    assert first.energy == second.energy
    assert (image == before).all()
    assert (evidence.cross == cross).all()


@pytest.mark.parametrize(
    ('setting', 'value'),
    [
        ('lam', -0.1), ('lam', np.nan), ('lambda_phi', np.inf), ('top_k', 0), ('tau', 1.5), ('grid', 'pixel'),
        ('calibration', 'none'), ('color_space', 'hsv'), ('epsilon', 0.0), ('min_component', 2.0), ('color_rounds', -1),
        ('bias', np.nan), ('max_side', 0), ('color_bins', 1), ('min_objectness', -0.1),
    ],
)  # fmt: skip
def test_settings_out_of_range_are_refused_by_name(setting, value):
    with pytest.raises(ValueError, match=f'`{setting}`'):
        CutSettings(**{setting: value})


def test_bad_images_and_too_many_layers_are_refused():
    evidence, image, _ = simulate(0)
    with pytest.raises(ValueError, match='`image` of shape'):
        attention_cut(evidence, image[..., 0])
    with pytest.raises(TypeError, match='`image` to be a uint8'):
        attention_cut(evidence, image / 255)
    with pytest.raises(ValueError, match=r'`top_k` in \[1, 3\]'):
        attention_cut(evidence, image, CutSettings(top_k=4))
