"""Input that G4Seg and its adapters must refuse with a clear text, or get right: never a silent change."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

from mmseg_gen.errors import UserError
from mmseg_gen.generators.regeneration import Regenerator
from mmseg_gen.refiners import DenseCRF, G4Seg
from mmseg_gen.refiners.data_samples import probabilities_of, refine_samples
from tests.tiny_models import TOKEN_LIMIT, tiny_parts

SIZE = (12, 16)
CLASSES = ['background', 'cat', 'dog']
WIDE = dict(band=dict(low=0.0, high=1.0, max_distance=None), features=dict(type='Colors'))


@pytest.fixture(scope='module')
def parts():
    return tiny_parts()


def example(classes: int = 3):
    rng = np.random.default_rng(0)
    values = rng.dirichlet(np.ones(classes), SIZE).transpose(2, 0, 1)
    return rng.integers(0, 255, (*SIZE, 3), dtype=np.uint8), np.ascontiguousarray(values, np.float32)


@pytest.mark.parametrize('update', ['mix', 'gradient'])
@pytest.mark.parametrize(
    ('change', 'match'),
    [
        (lambda i, p: (i, p * 0.9), 'to sum to 1 at each pixel'),
        (lambda i, p: (i, np.where(p > 0.5, np.nan, p)), 'to be finite, but got NaN'),
        (lambda i, p: (i, np.where(p > 0.5, np.inf, p)), 'to be finite'),
        (lambda i, p: (i, 4 * np.log(p)), r'in \[0, 1\], but got values .* logits need a softmax'),
        (lambda i, p: (i, p[:, ::2, ::2]), r'of shape \(C, 12, 16\), the size of the image, but got \(3, 6, 8\)'),
        (lambda i, p: (i, p[:2] / p[:2].sum(0)), 'one of `classes` for each of 2 channels'),
        (lambda i, p: (np.dstack([i, i[..., 0]]), p), r'but got \(12, 16, 4\)'),
        (lambda i, p: (i[..., 0], p), r'`image` of shape \(H, W, 3\)'),
    ],
    ids=['sums', 'nan', 'inf', 'logits', 'size', 'classes', 'alpha', 'grey'],
)
def test_what_is_no_image_with_its_probabilities_is_refused_before_anything_runs(change, match, update):
    refiner = G4Seg('no/such-model', update=update)
    with pytest.raises(ValueError, match=match):
        refiner(*change(*example()), CLASSES)


def test_more_classes_than_fit_go_through_in_chunks_with_the_same_result(parts):
    image, probabilities = example(21)
    words = ['cat', 'dog', 'bird', 'potted plant', 'red cat']
    names = ['background', *(f'{w} {v}' for w in words for v in ('a', 'red', 'of', 'photo'))]
    found = [G4Seg(parts, **WIDE, max_batch=size, present=0.0)(image, probabilities, names) for size in (3, 32)]
    # Nearly equal similarities may be ordered otherwise.
    assert np.mean(np.abs(found[0] - found[1]).max(0) < 1e-3) > 0.98


def test_memory_that_runs_out_is_said_with_its_cure(parts, monkeypatch):
    def full(*_):
        raise torch.cuda.OutOfMemoryError('CUDA out of memory. Tried to allocate 20.00 GiB')

    monkeypatch.setattr(Regenerator, '_pass', full)
    with pytest.raises(UserError, match=r'Expected 2 classes .* lower `max_batch` \(16\).*20\.00 GiB'):
        G4Seg(parts, **WIDE)(*example(), CLASSES)


@pytest.mark.parametrize('name', ['potted plant', 'zebra', 'potted zebra'])
def test_a_class_of_several_tokens_is_injected_at_all_of_them(parts, name, monkeypatch):
    image, probabilities = example()
    seen = []
    regenerate = Regenerator.regenerate

    def spy(self, latents, masks, prompts, seeds):
        seen.extend(prompts.positions)
        return regenerate(self, latents, masks, prompts, seeds)

    monkeypatch.setattr(Regenerator, 'regenerate', spy)
    G4Seg(parts, **WIDE)(image, probabilities, ['background', name, 'cat'])
    # "a photo of a" takes places 1 to 4, after the start token.
    ids = parts.tokenizer(name, add_special_tokens=False).input_ids
    assert len(ids) > 1
    assert seen == [list(range(5, 5 + len(ids))), [5]]


@pytest.mark.parametrize(('name', 'match'), [('zebra ' * TOKEN_LIMIT, 'cut off'), (' ', 'class')])
def test_a_class_that_no_prompt_can_hold_is_named(parts, name, match):
    with pytest.raises(UserError, match=match):
        G4Seg(parts, **WIDE)(*example(), ['background', name, 'cat'])


def sample(logits: torch.Tensor, image: np.ndarray) -> SegDataSample:
    found = SegDataSample(metainfo=dict(ori_img=image))
    found.set_data({'seg_logits': PixelData(data=logits), 'pred_sem_seg': PixelData(data=torch.zeros(1, *SIZE))})
    return found


def test_a_one_class_head_is_refined_as_foreground_and_background(parts):
    image, probabilities = example(2)
    for refiner in (DenseCRF(), G4Seg(parts, **WIDE)):
        expected = refiner(image, probabilities, ['background', 'cat'])
        # MMSegmentation stores the sigmoid of such a head, and its data set names both classes, or the one.
        for classes in (('background', 'cat'), ('cat',)):
            before = torch.from_numpy(probabilities[1:])
            (found,) = refine_samples(refiner, [sample(before, image)], classes, threshold=0.3)
            stored, labels = found.seg_logits.data.numpy(), found.pred_sem_seg.data.numpy()
            assert stored.shape == labels.shape == (1, *SIZE)
            assert np.allclose(stored, expected[1:], atol=1e-5)
            assert (labels == (stored > 0.3)).all()


def test_logits_of_a_head_become_probabilities_once():
    logits = torch.randn(3, *SIZE, generator=torch.Generator().manual_seed(0)) * 9
    powers = np.exp(logits.double().numpy())
    assert np.allclose(probabilities_of(logits), powers / powers.sum(0), atol=1e-6)
    one = torch.rand(1, *SIZE)
    assert (probabilities_of(one) == one.numpy()).all()


def test_a_head_that_predicts_nan_or_other_classes_is_refused():
    image, _ = example()
    logits = torch.zeros(3, *SIZE)
    with pytest.raises(ValueError, match=r'one of `classes` for each of 3 channels, but got .*\(4\)'):
        refine_samples(DenseCRF(), [sample(logits, image)], ['a', 'b', 'c', 'd'])
    logits[1, 0, 0] = torch.nan
    with pytest.raises(ValueError, match='to be finite, but got NaN'):
        refine_samples(DenseCRF(), [sample(logits, image)], CLASSES)
