import numpy as np
import pytest

from mmseg_gen.functional.baselines import crf_mask, kmeans_mask, normalized_cut_mask, threshold_mask
from mmseg_gen.functional.canvas import color_planes, resize_map
from mmseg_gen.functional.crf import dense_crf
from mmseg_gen.functional.cut_settings import CutSettings
from mmseg_gen.functional.evidence import Evidence, cross_map
from mmseg_gen.functional.objectness import evidence_objectness
from tests.references.simulated_evidence import iou, simulate

METHODS = [threshold_mask, kmeans_mask, normalized_cut_mask, crf_mask]


def test_threshold_is_the_upsampled_map_over_it():
    evidence, image, _ = simulate(0)
    expected = resize_map(cross_map(evidence, 1), image.shape[:2]) > 0.4
    assert (threshold_mask(evidence, image, top_k=1, threshold=0.4) == expected).all()


def test_kmeans_assigns_each_pixel_to_the_nearer_mean_and_takes_the_higher_map():
    evidence, image, _ = simulate(1)
    maps = [resize_map(m, image.shape[:2]) for m in (cross_map(evidence, 2), evidence.seed_map)]
    features = np.concatenate([color_planes(image), np.stack(maps, -1)], -1)
    mask = kmeans_mask(evidence, image)
    means = [features[side].mean(0) for side in (~mask, mask)]
    distance = [((features - m) ** 2).sum(-1) for m in means]
    assert ((distance[1] < distance[0]) == mask).mean() > 0.999
    assert means[1][3] > means[0][3]


def test_normalized_cut_takes_the_part_of_higher_map():
    evidence, image, _ = simulate(2)
    mask = normalized_cut_mask(evidence, image)
    level = resize_map(cross_map(evidence, 2), image.shape[:2])
    assert level[mask].mean() > level[~mask].mean()


def test_crf_starts_at_the_objectness_of_the_cut():
    evidence, image, _ = simulate(3)
    u = evidence_objectness(evidence, image.shape[:2], CutSettings(bias=-0.5))
    refined = dense_crf(np.stack([1 - u, u]), image)
    assert (crf_mask(evidence, image, cut=CutSettings(bias=-0.5)) == (refined[1] > refined[0])).all()


@pytest.mark.parametrize('method', [threshold_mask, crf_mask])
def test_the_object_is_found(method):
    scores = [iou(method(e, x), m) for e, x, m in (simulate(s) for s in range(5))]
    assert np.mean(scores) > 0.6


@pytest.mark.parametrize('method', METHODS)
def test_masks_are_bool_of_the_images_size_and_repeatable(method):
    evidence, image, _ = simulate(4)
    before = image.copy()
    mask = method(evidence, image)
    assert mask.dtype == bool
    assert mask.shape == image.shape[:2]
    assert (mask == method(evidence, image)).all()
    assert (image == before).all()


@pytest.mark.parametrize('method', METHODS)
def test_constant_evidence_on_a_constant_image_gives_an_empty_mask_or_a_part(method):
    flat = Evidence(np.full((2, 4, 5), 0.1), np.zeros(2), np.zeros((4, 5)), np.zeros((4, 4, 5)))
    mask = method(flat, np.full((8, 10, 3), 90, np.uint8))
    assert mask.shape == (8, 10)
    if method is not normalized_cut_mask:
        assert not mask.any()


@pytest.mark.parametrize('method', METHODS)
@pytest.mark.parametrize('size', [(1, 1), (1, 30), (300, 2)])
def test_thin_images(method, size):
    evidence, image, _ = simulate(5)
    assert method(evidence, np.resize(image, (*size, 3))).shape == size


@pytest.mark.parametrize('method', METHODS)
def test_grey_and_float_images_are_refused(method):
    evidence, image, _ = simulate(0)
    with pytest.raises(ValueError, match='`image` of shape'):
        method(evidence, image[..., 0])
    with pytest.raises(TypeError, match='`image` to be a uint8'):
        method(evidence, image.astype(float))
