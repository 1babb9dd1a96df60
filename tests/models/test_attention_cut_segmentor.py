"""AttentionCut as a segmentor: the masks of the function for single photographs, through MMSegmentation's own path."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
import torch
from mmengine.registry import DefaultScope
from mmseg.structures import SegDataSample

from mmseg_gen.api import AttentionCutSegmenter
from mmseg_gen.errors import UserError
from mmseg_gen.functional.cut_settings import EMBEDDED_CUT, CutSettings
from mmseg_gen.functional.objectness import foreground_logits
from mmseg_gen.models.backbones import shared_generator
from mmseg_gen.models.segmentors import AttentionCutSegmentor, attention_cut_segmentor
from mmseg_gen.registry import MODELS
from tests.tiny_models import tiny_parts

CUT = dict(top_k=2, color_rounds=1, num_seeds=4)


@pytest.fixture
def tiny(monkeypatch):
    parts = tiny_parts(clip=True)
    for module in (shared_generator, attention_cut_segmentor):
        monkeypatch.setattr(module, 'shared_parts', lambda *source: parts)
    shared_generator._shared_prior.cache_clear()
    yield parts
    shared_generator._shared_prior.cache_clear()


def model_of(classes=('cat',), **settings):
    preprocessor = dict(
        type='SegDataPreProcessor', mean=[127.5] * 3, std=[127.5] * 3, bgr_to_rgb=True, size=(16, 16),
        test_cfg=dict(size_divisor=1),
    )  # fmt: skip
    config = dict(
        type='AttentionCutSegmentor', generator='tiny', steps=2, cut=CUT, prior=dict(classes=classes),
        data_preprocessor=preprocessor,
    )  # fmt: skip
    with DefaultScope.overwrite_default_scope('mmseg'):
        return MODELS.build(config | settings)


def predict(model, images):
    """Return the predictions of RGB images, through the data preprocessor."""
    inputs = [torch.from_numpy(np.ascontiguousarray(i[..., ::-1].transpose(2, 0, 1))) for i in images]
    samples = [SegDataSample(metainfo=dict(ori_shape=i.shape[:2], img_shape=i.shape[:2])) for i in images]
    return model.test_step(dict(inputs=inputs, data_samples=samples))


def photos(count, size=(16, 16)):
    return np.random.default_rng(0).integers(0, 256, (count, *size, 3), dtype=np.uint8)


@pytest.mark.parametrize('size', [(16, 16), (16, 8)])
def test_masks_are_those_of_the_function_for_one_photograph(tiny, size):
    images = photos(3, size)
    found = predict(model_of(), images)
    single = AttentionCutSegmenter(tiny, 'cat', steps=2, settings=CutSettings(**CUT))
    for sample, image in zip(found, images, strict=True):
        expected = single(image)
        assert np.array_equal(sample.pred_sem_seg.data[0].numpy().astype(bool), expected.mask)
        probability = sample.seg_logits.data.softmax(0)[1].numpy()
        np.testing.assert_allclose(probability, (expected.mask + expected.objectness) / 2, atol=1e-5)


def test_clip_names_the_class(tiny, monkeypatch):
    images, asked = photos(2), []
    monkeypatch.setattr(attention_cut_segmentor, 'class_names', lambda *args: ['dog', 'cat'])
    found = predict(model_of(('cat', 'dog')), images)
    for sample, image, name in zip(found, images, ('dog', 'cat'), strict=True):
        expected = AttentionCutSegmenter(tiny, name, steps=2, settings=CutSettings(**CUT))(image)
        assert np.array_equal(sample.pred_sem_seg.data[0].numpy().astype(bool), expected.mask)
        asked.append(expected.mask)
    assert len(asked) == 2


def test_sides_off_the_latent_grid_keep_their_size(tiny):
    (found,) = predict(model_of(), photos(1, (18, 13)))
    assert tuple(found.pred_sem_seg.data.shape) == (1, 18, 13)
    assert tuple(found.seg_logits.data.shape) == (2, 18, 13)


def test_it_has_no_parameters_and_is_not_trained(tiny):
    model = model_of()
    assert not model.state_dict()
    with pytest.raises(UserError, match='which has none; test it'):
        model.loss(torch.zeros(1, 3, 16, 16), [])
    images = photos(1)
    for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        same = [predict(m, images)[0].pred_sem_seg.data for m in (model, other)]
        assert torch.equal(*same)


def test_several_processes_need_the_wrapper_that_its_config_names(repository, tmp_path):
    from mmengine.config import Config
    from mmengine.registry import MODEL_WRAPPERS

    wrapper = Config.fromfile(repository / 'configs/_base_/models/attention_cut.py').model_wrapper_cfg
    torch.distributed.init_process_group('gloo', init_method=f'file://{tmp_path}/meeting', rank=0, world_size=1)
    try:
        with pytest.raises(RuntimeError, match='any parameter that requires a gradient'):
            MODEL_WRAPPERS.build(dict(type='MMDistributedDataParallel', module=model_of()))
        wrapped = MODEL_WRAPPERS.build(dict(wrapper, module=model_of()))
        assert isinstance(wrapped.module, AttentionCutSegmentor)
    finally:
        torch.distributed.destroy_process_group()


def test_the_defaults_are_those_of_the_generator():
    assert AttentionCutSegmentor('embedded', prior=dict(classes='embedded')).settings == EMBEDDED_CUT
    assert AttentionCutSegmentor('some/model', prior=dict(classes='voc')).settings == CutSettings()


@pytest.mark.parametrize(
    ('change', 'text'),
    [(dict(prior=None), '`prior`'), (dict(steps=0), '`steps`'), (dict(dtype='int8'), '`dtype`')],
)
def test_wrong_settings_are_named(change, text):
    with pytest.raises(ValueError, match=text):
        model_of(**change)


def test_logits_say_the_mask_at_one_half_and_rank_by_objectness():
    mask, u = np.array([[True, True, False]]), np.array([[0.2, 0.9, 0.9]], np.float32)
    background, foreground = foreground_logits(mask, u)
    assert not background.any()
    np.testing.assert_allclose(1 / (1 + np.exp(-foreground)), [[0.6, 0.95, 0.45]], rtol=1e-5)
