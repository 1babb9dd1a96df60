import numpy as np
import pytest

from mmseg_gen.evaluation.training_free import LabelledImage, score_training_free, training_free_methods
from mmseg_gen.functional.attention import NEIGHBORS
from mmseg_gen.functional.attention_cut import CutSettings
from mmseg_gen.functional.evidence import Evidence


def _square_scene(top, height=24, width=32):
    """A red square on green; its evidence says so on an 6 x 8 grid."""
    mask = np.zeros((height, width), bool)
    mask[top : top + 12, 8:20] = True
    image = np.where(mask[..., None], np.array([200, 40, 40], np.uint8), np.array([40, 180, 60], np.uint8))
    grid = mask.reshape(6, 4, 8, 4).mean((1, 3)).astype(np.float32)
    affinity = np.zeros((4, 6, 8), np.float32)
    for k, (dy, dx) in enumerate(NEIGHBORS):
        for y, x in np.ndindex(6, 8):
            if y + dy < 6 and 0 <= x + dx < 8:
                affinity[k, y, x] = 0.9 * (grid[y, x] == grid[y + dy, x + dx])
    evidence = Evidence(np.stack([grid, 0 * grid]), np.array([0.3, 0.0]), grid, affinity)
    return LabelledImage(image, 'square', mask), evidence


def test_every_method_finds_a_clear_square():
    samples, evidence = zip(*(_square_scene(top) for top in (4, 8)), strict=False)
    scores = score_training_free(samples, evidence, CutSettings(top_k=1))
    assert set(scores.iou) == {'threshold', 'kmeans', 'ncut', 'crf', 'attention_cut'}
    for name, values in scores.iou.items():
        assert values.shape == (2,)
        assert values.min() > 0.8, name
    assert scores.auc.min() > 0.99


def test_scores_are_those_of_the_masks_counted_by_hand():
    sample, evidence = _square_scene(4)
    settings = CutSettings(top_k=1)
    scores = score_training_free([sample], [evidence], settings)
    for name, method in training_free_methods(settings).items():
        mask = method(evidence, sample.image)
        both = sum(a and b for a, b in zip(mask.flat, sample.mask.flat, strict=False))
        either = sum(a or b for a, b in zip(mask.flat, sample.mask.flat, strict=False))
        assert scores.iou[name][0] == pytest.approx(both / either)
