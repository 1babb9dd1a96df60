"""Each option of AttentionCut against the least energy over all labellings of a small grid, built by loops."""

import dataclasses
import hashlib
import itertools

import numpy as np
import pytest

from mmseg_gen.functional.attention_cut import attention_cut
from mmseg_gen.functional.bilateral_solver import bilateral_solver
from mmseg_gen.functional.canvas import color_planes
from mmseg_gen.functional.cut_settings import CutSettings
from mmseg_gen.functional.evidence import Evidence
from mmseg_gen.functional.mask_refinement import solve_mask
from mmseg_gen.functional.objectness import inside_high
from tests.references.simulated_evidence import iou, simulate

STEPS = {8: ((0, 1), (1, 0), (1, 1), (1, -1)), 4: ((0, 1), (1, 0))}
# The settings for the embedded models in 0.1.0, but for the number of layers.
COLORED = CutSettings(
    top_k=3, lam=5.0, color_scale=10.0, color_rounds=3, color_weight=4.0, color_bins=6, min_objectness=0.75
)
PLAIN = dict(min_component=0, fill_holes=False, top_k=1)


def small(seed, height=3, width=4):
    """Evidence and image on one 3 x 4 grid; the class map spans [0, 1], so that a min-max leaves it."""
    rng = np.random.default_rng(seed)
    cross = rng.random((height, width)).astype(np.float32)
    cross.flat[0], cross.flat[-1] = 0, 1
    seeds, affinity = rng.random((height, width)), rng.random((4, height, width))
    image = rng.integers(0, 256, (height, width, 3)).astype(np.uint8)
    return Evidence(cross[None], np.ones(1), seeds, affinity), image


def least_energy(evidence, image, *, cross, phi, self_, psi, lam, neighbors, scale=20.0, eps=0.01):
    """Return the least energy of all labellings and the labelling that has it."""
    height, width = image.shape[:2]
    colors = color_planes(image).astype(float)
    u = np.clip(cross * evidence.cross[0].astype(float) + phi * evidence.seed_map, eps, 1 - eps)
    edges = []
    for k, (dy, dx) in enumerate(STEPS[8]):
        for y, x in np.ndindex(height, width):
            v, w = y + dy, x + dx
            if (dy, dx) in STEPS[neighbors] and 0 <= v < height and 0 <= w < width:
                close = np.exp(-scale * np.linalg.norm(colors[y, x] - colors[v, w]))
                weight = lam * (self_ * evidence.affinity[k, y, x] + psi * close) / np.hypot(dy, dx)
                edges.append((y * width + x, v * width + w, weight))
    best = None
    for labels in itertools.product((0, 1), repeat=height * width):
        energy = sum(-np.log(p if on else 1 - p) for p, on in zip(u.flat, labels, strict=True))
        energy += sum(weight for p, q, weight in edges if labels[p] != labels[q])
        if best is None or energy < best[0]:
            best = energy, labels
    return best[0], np.array(best[1], bool).reshape(height, width)


@pytest.mark.parametrize(
    'options',
    [
        dict(cross=1, phi=0.16, self_=1, psi=2.5, lam=0.1, neighbors=8),
        dict(cross=1, phi=0, self_=1, psi=2.5, lam=0, neighbors=8),
        dict(cross=0, phi=1, self_=1, psi=2.5, lam=0, neighbors=8),
        dict(cross=0.5, phi=0.5, self_=0, psi=1.5, lam=0.6, neighbors=8),
        dict(cross=1, phi=0.16, self_=1.7, psi=0, lam=0.6, neighbors=8),
        dict(cross=0.8, phi=0.3, self_=0.7, psi=2, lam=0.5, neighbors=4),
    ],
)
def test_every_option_gives_the_least_energy_of_all_labellings(options):
    evidence, image = small(sum(map(int, str(options).encode())) % 1000)
    settings = CutSettings(
        lambda_cross=options['cross'], lambda_phi=options['phi'], lambda_self=options['self_'],
        lambda_psi=options['psi'], lam=options['lam'], neighborhood=options['neighbors'], **PLAIN,
    )  # fmt: skip
    result = attention_cut(evidence, image, settings)
    energy, mask = least_energy(evidence, image, **options)
    assert result.energy == pytest.approx(energy, rel=1e-4)
    np.testing.assert_array_equal(result.mask, mask)


@pytest.mark.parametrize(
    ('settings', 'masks'),
    [
        (COLORED, '99d8eca0206afed8'),
        (CutSettings(), '1f729db03fc89a46'),
        (CutSettings(calibration='mixture', bias=-0.3), '5612d9d609280747'),
        (CutSettings(grid='attention', lam=1.0), 'db61fdbfc223c2a2'),
    ],
)
def test_masks_are_those_from_before_there_were_options(settings, masks):
    # Digests of the masks that the code of 0.1.0 gave for these eight simulated images.
    digest = hashlib.sha256()
    for seed in range(8):
        digest.update(np.packbits(attention_cut(*simulate(seed)[:2], settings).mask).tobytes())
    assert digest.hexdigest()[:16] == masks


def test_border_calibration_finds_the_object_in_an_inverted_map():
    scores = []
    for seed in range(4):
        evidence, image, mask = simulate(seed)
        turned = dataclasses.replace(evidence, cross=evidence.cross.max() - evidence.cross)
        settings = CutSettings(calibration='border', lambda_phi=0, lam=1.0)
        same = attention_cut(turned, image, settings).mask
        np.testing.assert_array_equal(same, attention_cut(evidence, image, settings).mask)
        wrong = attention_cut(turned, image, dataclasses.replace(settings, calibration='mixture')).mask
        scores.append((iou(same, mask), iou(wrong, mask)))
    right, wrong = np.mean(scores, 0)
    assert right > 0.6 > 0.3 > wrong


def test_maps_high_inside_or_without_an_inside_stay():
    inside = np.pad(np.ones((2, 3)), 1)
    np.testing.assert_array_equal(inside_high(inside), inside)
    np.testing.assert_array_equal(inside_high(1 - inside), inside)
    # Within its own range, whatever that is: here 3 to 5.
    np.testing.assert_array_equal(inside_high(5 - 2 * inside), 3 + 2 * inside)
    for flat in (np.array([[1.0, 0], [0, 0]]), np.ones((4, 5))):
        np.testing.assert_array_equal(inside_high(flat), flat)


def test_the_solver_moves_a_shifted_mask_to_the_images_edges():
    image = np.full((48, 64, 3), (40, 60, 160), np.uint8)
    truth = np.zeros((48, 64), bool)
    truth[12:36, 16:44] = True
    image[truth] = (200, 60, 40)
    shifted = np.roll(truth, (3, -4), (0, 1))
    settings = CutSettings(refinement='bilateral', bilateral_spatial=8, bilateral_lam=16)
    solved = solve_mask(image, shifted, settings.bilateral())
    assert iou(shifted, truth) < 0.7
    assert iou(solved, truth) > 0.85


def test_an_answer_far_from_the_mask_is_not_taken():
    image = np.zeros((20, 30, 3), np.uint8)
    mask = np.zeros((20, 30), bool)
    mask[4:9, 5:12] = True
    target, sure = mask.astype(np.float32), np.full(mask.shape, 0.999, np.float32)
    assert not (bilateral_solver(image, target, sure) > 0.5).any()
    np.testing.assert_array_equal(solve_mask(image, mask), mask)
    assert not solve_mask(image, np.zeros((20, 30), bool)).any()


def test_refinement_is_applied_before_the_clean_up():
    evidence, image, mask = simulate(1)
    settings = CutSettings(lam=0, **PLAIN)
    raw = attention_cut(evidence, image, settings).mask
    cells = dict(bilateral_spatial=8, bilateral_luma=32, bilateral_chroma=32, bilateral_lam=64)
    refined = dataclasses.replace(settings, refinement='bilateral', **cells)
    found = attention_cut(evidence, image, refined).mask
    np.testing.assert_array_equal(found, solve_mask(image, raw, refined.bilateral()))
    assert iou(found, mask) > iou(raw, mask) + 0.05


@pytest.mark.parametrize(
    ('setting', 'value'),
    [
        ('neighborhood', 6), ('lambda_cross', -1), ('lambda_self', np.nan), ('refinement', 'crf'),
        ('calibration', 'clip'),
    ],
)  # fmt: skip
def test_options_out_of_range_are_refused_by_name(setting, value):
    with pytest.raises(ValueError, match=f'`{setting}`'):
        CutSettings(**{setting: value})


def test_the_solvers_settings_are_checked_where_it_is_used():
    with pytest.raises(ValueError, match='`sigma_luma`'):
        CutSettings(refinement='bilateral', bilateral_luma=0)
