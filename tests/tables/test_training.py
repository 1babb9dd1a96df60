"""Segmentors that tables train, and the sets they learn from."""

import types

import numpy as np
import pytest
import torch

import mmseg_gen.engine.synthesis as synthesis
from mmseg_gen.errors import UserError
from mmseg_gen.tables import training
from mmseg_gen.tables.configs import load_config
from mmseg_gen.tables.context import Context
from mmseg_gen.tables.diffusionseg_tab4 import random_generator
from mmseg_gen.tables.scenes import labelled_scenes
from mmseg_gen.tables.training import Trained, Training, predictions, settings_of, synthetic_set

pytestmark = pytest.mark.filterwarnings('ignore::UserWarning')


@pytest.fixture
def context(tmp_path):
    return Context('t_tab1', tmp_path, 'a' * 64)


def test_a_segmentor_is_trained_once_and_its_masks_are_scored(context, monkeypatch):
    once, trained = Training('embedded_unet.py', pairs=4, iterations=1, real=True), Trained(context, 3)
    row = trained.row('U-Net', once)
    masks = predictions(context, once, trained.scenes)
    for i, (mask, scene) in enumerate(zip(masks, labelled_scenes(3), strict=True)):
        assert mask.shape == scene.mask.shape
        either = (mask | scene.mask).sum()
        assert row.scores.means['iou'][i] == pytest.approx((mask & scene.mask).sum() / either)
    monkeypatch.setattr(training, '_train', lambda *args: pytest.fail('trained again'))
    for found, mask in zip(predictions(context, once, trained.scenes), masks, strict=True):
        np.testing.assert_array_equal(found, mask)


def test_data_are_the_first_pairs_of_the_set_that_was_asked_for(context, monkeypatch):
    monkeypatch.setattr(training, 'synthetic_set', lambda *args: context.work_dir / 'made')
    config = load_config('embedded_unet.py')
    training._set_data(context, config, Training('embedded_unet.py', 7, 1))
    dataset = config.train_dataloader.dataset
    assert (dataset.type, dataset.indices, dataset.drop_uncertain_share) == ('SyntheticDataset', 7, 0.0)
    assert dataset.data_root == str(context.work_dir / 'made')


def test_a_set_grows_until_enough_pairs_are_kept(context, monkeypatch):
    asked = []

    def half(config, folder):
        asked.append((config.synthesis.num_samples, folder))
        return types.SimpleNamespace(kept=config.synthesis.num_samples // 2)

    monkeypatch.setattr(synthesis, 'synthesize', half)
    folder = synthetic_set(context, 24)
    numbers = [number for number, _ in asked]
    assert numbers == sorted(set(numbers))
    assert numbers[-1] // 2 >= 24 > numbers[-2] // 2
    assert {path for _, path in asked} == {folder}
    assert synthetic_set(context, 4) == folder
    assert synthetic_set(context, 4, {'guidance': 1.0}) != folder


def test_the_identity_of_a_training_holds_all_that_decides_it():
    base = dict(config='embedded_unet.py', pairs=3, iterations=2)
    one = settings_of(Training(**base))
    changes = [dict(pairs=4), dict(iterations=3), dict(real=True), dict(model={'backbone': {'prior': None}})]
    assert all(settings_of(Training(**{**base, **change})) != one for change in changes)


def test_the_random_generator_differs_in_the_unet_alone_and_repeats(context, embedded_weights):
    from mmseg_gen.generators.parts import load_parts

    folder = random_generator(context)
    made, shipped = load_parts(folder), load_parts('embedded')
    name, weights = next((n, p) for n, p in made.unet.named_parameters() if p.ndim > 1)
    assert not torch.equal(weights, shipped.unet.get_parameter(name))
    for one, two in zip(made.vae.parameters(), shipped.vae.parameters(), strict=True):
        assert torch.equal(one, two)
    assert random_generator(context) == folder


def test_a_missing_config_is_named():
    with pytest.raises(UserError, match=r'configs/none\.py'):
        load_config('none.py')
