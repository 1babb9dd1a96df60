"""What refiners refuse, and what every refiner keeps."""

from __future__ import annotations

import numpy as np
import pytest

from mmseg_gen.refiners import (
    PAMR,
    BilateralSolver,
    CascadePSP,
    ColorCut,
    DenseCRF,
    GuidedFilter,
    Refiner,
    RefinerChain,
    hard_labels,
)
from mmseg_gen.registry import REFINERS

SIZE = (14, 18)
RIVALS = [ColorCut(), DenseCRF(), BilateralSolver(sigma_spatial=4), GuidedFilter(radius=3), PAMR(dilations=(1, 2))]


class Same(Refiner):
    """Returns what it gets and remembers it."""

    def _refine(self, image, probabilities, classes):
        self.seen = (probabilities.copy(), classes)
        return probabilities.copy()


def example(classes: int = 3):
    rng = np.random.default_rng(0)
    values = rng.random((classes, *SIZE)).astype(np.float32)
    return (
        rng.integers(0, 255, (*SIZE, 3), dtype=np.uint8),
        values / values.sum(0),
        [f'class {i}' for i in range(classes)],
    )


@pytest.mark.parametrize(
    ('change', 'match'),
    [
        (lambda i, p, c: (i, p * 0.9, c), r'sum to 1 at each pixel, but got sums from 0.9 to 0.9'),
        (lambda i, p, c: (i, np.log(p), c), 'logits need a softmax'),
        (lambda i, p, c: (i, np.where(p > 0.5, np.nan, p), c), 'finite, but got NaN'),
        (lambda i, p, c: (i, p[:, 1:], c), r'of shape \(C, 14, 18\), the size of the image, but got \(3, 13, 18\)'),
        (lambda i, p, c: (i, p, c[:2]), 'one of `classes` for each of 3 channels'),
        (lambda i, p, c: (i, p, 'cat'), 'one of `classes`'),
        (lambda i, p, c: (np.dstack([i, i[..., :1]]), p, c), r'`image` of shape \(H, W, 3\), but got \(14, 18, 4\)'),
        (lambda i, p, c: (i, p[0], c), 'Expected `probabilities` of shape'),
    ],
)
def test_bad_input_is_refused_with_its_values(change, match):
    with pytest.raises(ValueError, match=match):
        Same()(*change(*example()))


def test_wrong_types_are_refused():
    image, probabilities, classes = example()
    with pytest.raises(TypeError, match='to be a float array, but got int64'):
        Same()(image, probabilities.astype(np.int64), classes)
    with pytest.raises(TypeError, match='uint8'):
        Same()(image / 255.0, probabilities, classes)


def test_one_sigmoid_channel_gets_a_background_and_loses_it_again():
    image, probabilities, _ = example()
    refiner = Same()
    found = refiner(image, probabilities[:1], ['cat'])
    assert found.tobytes() == probabilities[:1].tobytes()
    seen, classes = refiner.seen
    assert classes == ['background', 'cat']
    assert np.allclose(seen.sum(0), 1)
    result = refiner.refine(image, probabilities[:1], ['cat'])
    assert (result.labels == (probabilities[0] > 0.5)).all()


def test_soft_and_hard_results_agree():
    image, probabilities, classes = example()
    result = Same().refine(image, probabilities, classes)
    assert (result.labels == probabilities.argmax(0)).all()
    assert hard_labels(probabilities[:1], threshold=0.1).sum() == (probabilities[0] > 0.1).sum()


@pytest.mark.parametrize('refiner', RIVALS, ids=lambda r: type(r).__name__)
@pytest.mark.parametrize('classes', [1, 2, 5])
def test_rivals_return_probabilities_and_leave_their_input_alone(refiner, classes):
    image, probabilities, names = example(classes)
    before = probabilities.copy(), image.copy()
    found = refiner(image, probabilities, names)
    assert found.shape == probabilities.shape
    assert found.dtype == np.float32
    assert ((found >= 0) & (found <= 1 + 1e-6)).all()
    if classes > 1:
        assert np.allclose(found.sum(0), 1, atol=1e-5)
    assert (probabilities == before[0]).all()
    assert (image == before[1]).all()


@pytest.mark.parametrize('refiner', RIVALS, ids=lambda r: type(r).__name__)
def test_rivals_move_an_edge_to_the_colours(refiner):
    image = np.zeros((24, 32, 3), np.uint8)
    image[:, 16:] = 200
    truth = np.zeros((24, 32), bool)
    truth[:, 16:] = True
    soft = 1 / (1 + np.exp(-(np.arange(32) - 13.5) / 1.5))
    foreground = np.broadcast_to(soft, (24, 32)).astype(np.float32)
    found = refiner(image, foreground[None], ['cat'])[0] > 0.5
    before = foreground > 0.5
    assert (found != truth).sum() < (before != truth).sum()


def test_a_chain_is_one_refiner_after_another():
    image, probabilities, classes = example()
    chain = REFINERS.build(
        dict(type='RefinerChain', refiners=[dict(type='GuidedFilter', radius=2), dict(type='DenseCRF')])
    )
    by_hand = DenseCRF()(image, GuidedFilter(radius=2)(image, probabilities, classes), classes)
    assert (chain(image, probabilities, classes) == by_hand).all()
    with pytest.raises(ValueError, match='at least one'):
        RefinerChain([])


def test_cascade_psp_says_what_to_install():
    image, probabilities, classes = example()
    with pytest.raises(ValueError, match='pip install segmentation-refinement'):
        CascadePSP()(image, probabilities, classes)


class FakePackage:
    """Stands in for the package: grows the mask by nothing, and keeps what it was given."""

    class Refiner:
        def __init__(self, device):
            self.calls = []

        def refine(self, image, mask, fast, L):
            self.calls.append((image.copy(), mask.copy(), fast, L))
            return mask


def test_cascade_psp_gets_bgr_and_one_mask_for_each_class(monkeypatch):
    image, probabilities, classes = example()
    monkeypatch.setattr('mmseg_gen.refiners.rivals.import_module', lambda name: FakePackage)
    with pytest.raises(ValueError, match='`download` to be True'):
        CascadePSP()(image, probabilities, classes)
    refiner = CascadePSP(download=True, fast=True, side=100)
    found = refiner(image, probabilities, classes)
    calls = refiner._model.calls
    assert len(calls) == 2
    assert (calls[0][0] == image[..., ::-1]).all()
    assert ((calls[1][1] == 255) == (probabilities.argmax(0) == 2)).all()
    assert (found.argmax(0) == probabilities.argmax(0)).all()


def test_the_bilateral_solver_trusts_pixels_as_far_as_they_are_sure():
    from mmseg_gen.functional.bilateral_solver import BilateralSettings, bilateral_solver
    from mmseg_gen.refiners.rivals import BilateralSolver

    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (12, 17, 3)).astype(np.uint8)
    foreground = rng.random((12, 17)).astype(np.float32)
    # 0 and 1 are sure, one half is not.
    sure = np.maximum(np.abs(foreground - 0.5) * 2, 1e-3)
    own = [bilateral_solver(image, p, sure, BilateralSettings()) for p in (1 - foreground, foreground)]
    found = BilateralSolver()(image, np.stack([1 - foreground, foreground]), ['background', 'cat'])
    np.testing.assert_allclose(found[1], own[1] / (own[0] + own[1]), atol=1e-4)
