import numpy as np
import pytest

from mmseg_gen.functional.crf import CrfSettings, PermutohedralLattice, dense_crf, mean_field
from tests.references.dense_crf import exact_crf, gaussian_kernel
from tests.references.simulated_evidence import iou

SETTINGS = CrfSettings(position_sigma=12.0, color_sigma=20.0)


def textured(seed=0, size=(26, 38)):
    """A square on a gradient, both with texture, and noisy probabilities of it."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[: size[0], : size[1]]
    mask = (abs(y - size[0] / 2) < 8) & (abs(x - size[1] / 2) < 11)
    image = np.where(mask[..., None], [180, 90, 60], np.stack([60 + 2 * x, 120 + y, 140 - x], -1))
    image = np.clip(image + rng.normal(0, 6, (*size, 3)), 0, 255).astype(np.uint8)
    inside = np.clip(0.35 + 0.3 * mask + rng.normal(0, 0.15, size), 0.05, 0.95)
    return np.stack([1 - inside, inside]).astype(np.float32), image, mask


@pytest.mark.parametrize(('dims', 'least'), [(1, 0.99), (2, 0.99), (3, 0.99), (5, 0.97)])
def test_the_lattice_approximates_the_whole_kernel(dims, least):
    rng = np.random.default_rng(0)
    features, values = rng.normal(0, 1.5, (600, dims)), rng.random((600, 2))
    expected, found = gaussian_kernel(features) @ values, PermutohedralLattice(features)(values)
    assert np.corrcoef(expected.ravel(), found.ravel())[0, 1] > least


@pytest.mark.parametrize('dims', [1, 2, 3, 5])
def test_the_lattice_filters_with_the_kernels_own_width(dims):
    rng = np.random.default_rng(0)
    features, values = rng.normal(0, 1.5, (600, dims)), rng.random((600, 2))
    found = PermutohedralLattice(features)(values).ravel()
    widths = (0.8, 1.0, 1.25)
    alike = [np.corrcoef((gaussian_kernel(features / w) @ values).ravel(), found)[0, 1] for w in widths]
    assert widths[int(np.argmax(alike))] == 1


@pytest.mark.parametrize('seed', range(3))
def test_the_lattice_crf_agrees_with_the_exact_mean_field(seed):
    probabilities, image, mask = textured(seed)
    exact, found = exact_crf(probabilities, image, SETTINGS), dense_crf(probabilities, image, SETTINGS)
    assert (exact.argmax(0) == found.argmax(0)).mean() > 0.95
    assert iou(found.argmax(0) == 1, mask) > iou(probabilities.argmax(0) == 1, mask)


def test_marginals_sum_to_one_and_inputs_stay():
    probabilities, image, _ = textured()
    before = probabilities.copy()
    found = dense_crf(probabilities, image, SETTINGS)
    np.testing.assert_allclose(found.sum(0), 1, atol=1e-5)
    assert found.dtype == np.float32
    assert np.array_equal(probabilities, before)


def test_without_weights_the_probabilities_stay():
    probabilities, image, _ = textured()
    settings = CrfSettings(smooth_weight=0.0, color_weight=0.0)
    np.testing.assert_allclose(dense_crf(probabilities, image, settings), probabilities, atol=1e-5)


def test_swapping_classes_swaps_the_marginals():
    probabilities, image, _ = textured()
    found = dense_crf(probabilities[::-1], image, SETTINGS)
    np.testing.assert_allclose(found[::-1], dense_crf(probabilities, image, SETTINGS), atol=1e-5)


def test_one_pixel_and_one_line():
    for size in ((1, 1), (1, 9)):
        probabilities, image, _ = textured(size=size)
        assert np.isfinite(dense_crf(probabilities, image)).all()


def test_bad_input_is_refused():
    probabilities, image, _ = textured()
    with pytest.raises(ValueError, match='`image` of shape'):
        dense_crf(probabilities, image[1:])
    probabilities[0, 2, 3] = np.nan
    with pytest.raises(ValueError, match='`probabilities` to be finite'):
        dense_crf(probabilities, image)
    for shape in ((6, 9), (0, 6, 9)):
        with pytest.raises(ValueError, match='`probabilities` of shape'):
            dense_crf(np.zeros(shape), np.zeros((6, 9, 3), np.uint8))


@pytest.mark.parametrize(
    ('name', 'value'), [('color_sigma', 0.0), ('iterations', -1), ('color_weight', np.nan), ('smooth_weight', -1.0)]
)
def test_settings_out_of_range_are_refused(name, value):
    with pytest.raises(ValueError, match=f'`{name}`'):
        CrfSettings(**{name: value})


# Weak kernels and an odd number of steps: nothing saturates, and a wrong sign is not undone by the next step.
GENTLE = CrfSettings(3, smooth_sigma=1.5, smooth_weight=0.6, position_sigma=4.0, color_sigma=25.0, color_weight=1.2)


def three_classes(size=(14, 23)):
    """Bands of columns in three colours on a ramp down the rows, and soft, noisy probabilities of three classes."""
    rng = np.random.default_rng(5)
    y, x = np.mgrid[: size[0], : size[1]]
    band = np.minimum(3 * x // size[1], 2)
    image = np.array([[170, 60, 40], [60, 150, 90], [50, 70, 180]])[band] + 4 * y[..., None]
    logits = rng.normal(0, 0.7, (3, *size)) + 0.8 * (band == np.arange(3)[:, None, None])
    powers = np.exp(logits)
    return (powers / powers.sum(0)).astype(np.float32), image.clip(0, 255).astype(np.uint8)


def test_mean_field_with_exact_kernels_equals_the_reference():
    probabilities, image = three_classes()
    position = np.stack(np.mgrid[: image.shape[0], : image.shape[1]], -1).reshape(-1, 2)
    colors = image.reshape(-1, 3).astype(float)
    smooth = gaussian_kernel(position / GENTLE.smooth_sigma)
    near = gaussian_kernel(np.concatenate([position / GENTLE.position_sigma, colors / GENTLE.color_sigma], 1))
    flat = probabilities.reshape(3, -1).T
    found = mean_field(flat, lambda v: smooth @ v, lambda v: near @ v, GENTLE).T.reshape(probabilities.shape)
    np.testing.assert_allclose(found, exact_crf(probabilities, image, GENTLE), atol=1e-5)


def test_soft_marginals_of_three_classes_follow_the_exact_ones():
    probabilities, image = three_classes()
    exact, found = exact_crf(probabilities, image, GENTLE), dense_crf(probabilities, image, GENTLE)
    moved = np.abs(exact - probabilities).mean()
    assert moved > 0.08
    assert np.abs(exact - found).mean() < 0.03 * moved
