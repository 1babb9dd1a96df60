import numpy as np
import pytest

from mmseg_gen.functional.bilateral_solver import BilateralSettings, bilateral_solver

EXACT = dict(iterations=2000, tolerance=1e-13)


def dense_solution(image, target, confidence, settings):
    """Solve the same system by loops over pixels and pairs of cells, and a dense factorisation."""
    height, width = target.shape
    places = {}
    cell_of = np.empty((height, width), int)
    for y, x in np.ndindex(height, width):
        r, g, b = (float(v) for v in image[y, x])
        luma = 0.299 * r + 0.587 * g + 0.114 * b
        chroma = 0.713 * (r - luma) + 127.5, 0.564 * (b - luma) + 127.5
        scales = [settings.sigma_spatial] * 2 + [settings.sigma_luma] + [settings.sigma_chroma] * 2
        key = tuple(int(np.floor(v / s)) for v, s in zip((y, x, luma, *chroma), scales, strict=True))
        cell_of[y, x] = places.setdefault(key, len(places))
    count = len(places)
    blur = np.zeros((count, count))
    for one, i in places.items():
        for two, j in places.items():
            apart = sum(abs(a - b) for a, b in zip(one, two, strict=True))
            blur[i, j] = 10 if apart == 0 else 1 if apart == 1 else 0
    pixels, data, right = np.zeros(count), np.zeros(count), np.zeros(count)
    for y, x in np.ndindex(height, width):
        pixels[cell_of[y, x]] += 1
        data[cell_of[y, x]] += confidence[y, x]
        right[cell_of[y, x]] += confidence[y, x] * target[y, x]
    n = np.ones(count)
    for _ in range(10):
        n = np.sqrt(n * pixels / (blur @ n))
    smooth = np.diag(n * (blur @ n)) - n[:, None] * blur * n[None]
    return np.linalg.solve(settings.lam * smooth + np.diag(data), right)[cell_of]


def scene(seed, size=(9, 13)):
    rng = np.random.default_rng(seed)
    image = np.where(np.arange(size[1])[None, :, None] < 6, [180, 60, 40], [70, 90, 160])
    image = np.clip(image + rng.normal(0, 9, (*size, 3)), 0, 255).astype(np.uint8)
    return image, rng.random(size), rng.uniform(0.1, 1, size)


@pytest.mark.parametrize('seed', range(4))
def test_equals_the_dense_solution_of_the_same_system(seed):
    image, target, confidence = scene(seed)
    settings = BilateralSettings(sigma_spatial=3, sigma_luma=12, sigma_chroma=9, lam=4, **EXACT)
    expected = dense_solution(image, target, confidence, settings)
    assert 0 < expected.min() < expected.max() < 1
    assert np.ptp(expected) > 0.1
    np.testing.assert_allclose(bilateral_solver(image, target, confidence, settings), expected, atol=1e-5)


def test_a_constant_target_stays():
    image, _, confidence = scene(0)
    solved = bilateral_solver(image, np.full((9, 13), 0.3), confidence)
    np.testing.assert_allclose(solved, 0.3, atol=1e-4)


def test_without_smoothness_a_cell_gets_its_confident_mean():
    image = np.zeros((4, 6, 3), np.uint8)
    target, confidence = np.random.default_rng(0).random((2, 4, 6))
    solved = bilateral_solver(image, target, confidence, BilateralSettings(sigma_spatial=100, lam=0))
    np.testing.assert_allclose(solved, (target * confidence).sum() / confidence.sum(), rtol=1e-5)


def test_an_answer_spreads_along_colours_and_stops_at_edges():
    image = np.full((40, 60, 3), (40, 60, 160), np.uint8)
    image[:, :30] = (200, 60, 40)
    target, confidence = np.zeros((40, 60)), np.zeros((40, 60))
    target[18:22, 4:8] = confidence[18:22, 4:8] = 1
    confidence[18:22, 52:56] = 1
    solved = bilateral_solver(image, target, confidence, BilateralSettings(sigma_spatial=6, lam=1, **EXACT))
    assert solved[:, :30].min() > 0.99
    assert solved[:, 30:].max() < 0.01


def test_a_larger_lambda_is_smoother():
    image, target, confidence = scene(1)
    solved = [
        bilateral_solver(image, target, confidence, BilateralSettings(sigma_spatial=2, lam=lam, **EXACT))
        for lam in (0.01, 1, 100)
    ]
    spreads = [s.std() for s in solved]
    assert spreads[0] > spreads[1] > spreads[2]


def test_no_confidence_gives_zero_and_inputs_stay():
    image, target, confidence = scene(2)
    before = target.copy()
    assert not bilateral_solver(image, target, np.zeros((9, 13))).any()
    out = bilateral_solver(image, target, confidence)
    assert out.dtype == np.float32
    assert out.shape == (9, 13)
    assert (target == before).all()


@pytest.mark.parametrize('size', [(1, 1), (1, 7), (8, 1)])
def test_images_of_any_size(size):
    solved = bilateral_solver(np.zeros((*size, 3), np.uint8), np.full(size, 0.25), np.ones(size))
    np.testing.assert_allclose(solved, 0.25, atol=1e-5)


def test_bad_input_is_refused_by_name():
    image, target, confidence = scene(0)
    with pytest.raises(TypeError, match='`image`'):
        bilateral_solver(image / 255, target, confidence)
    with pytest.raises(ValueError, match='`target` of shape'):
        bilateral_solver(image, target[1:], confidence)
    with pytest.raises(ValueError, match=r'`confidence` in \[0, 1\]'):
        bilateral_solver(image, target, confidence * np.nan)
    for name, value in (('sigma_luma', 0), ('lam', -1), ('iterations', 0), ('tolerance', np.nan)):
        with pytest.raises(ValueError, match=f'`{name}`'):
            BilateralSettings(**{name: value})
