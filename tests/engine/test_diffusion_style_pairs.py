from __future__ import annotations

import os

import cv2
import numpy as np
import pytest

from mmseg_gen.engine.diffusion_style_pairs import DiffusionStylesSettings
from mmseg_gen.engine.manifest import read_manifest
from mmseg_gen.engine.synthesis import synthesize
from mmseg_gen.errors import UserError
from mmseg_gen.functional.scene_evidence import load_evidence
from mmseg_gen.functional.style_clustering import ClusterSettings
from mmseg_gen.functional.style_foreground import ForegroundSettings, label_styles
from tests.engine.fake_synthesis import tree
from tests.tiny_models import save_tiny


@pytest.fixture(autouse=True)
def _no_waiting_for_the_disk(monkeypatch):
    monkeypatch.setattr(os, 'fsync', lambda handle: None)


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    return save_tiny(tmp_path_factory.mktemp('tiny'))


def config(folder, **changes):
    generator = dict(type='DiffusionStyles', generator=str(folder), count=4, batch=3, store_evidence=True, **changes)
    label = dict(type='StyleMixingLabel', clusters=2, saliency_threshold=0.36)
    settings = dict(classes=['cat', 'dog'], template='a photo of a {class}', num_samples=3, batch_size=2, first_batch=1)
    return {'synthesis': dict(generator=generator, labeller=label, steps=2, device='cpu', **settings)}


def test_a_set_is_made_from_variations_under_other_prompts(folder, tmp_path):
    synthesize(config(folder), tmp_path / 'a')
    synthesize(config(folder), tmp_path / 'b')
    assert tree(tmp_path / 'a') == tree(tmp_path / 'b')
    entries = read_manifest(tmp_path / 'a')
    assert [e.prompt for e in entries] == ['a photo of a cat', 'a photo of a dog', 'a photo of a cat']
    for entry in entries:
        image = cv2.imread(str(tmp_path / 'a' / entry.files['image'][0]))[..., ::-1]
        stack = load_evidence(tmp_path / 'a' / entry.files['evidence'][0])
        assert stack.images.shape == (4, *image.shape)
        found = label_styles(
            stack, np.ascontiguousarray(image), ClusterSettings(2), ForegroundSettings(saliency_threshold=0.36)
        )
        if 'mask' in entry.files:
            mask = cv2.imread(str(tmp_path / 'a' / entry.files['mask'][0]), cv2.IMREAD_UNCHANGED)
            assert np.array_equal(mask, 255 * found.labels)
        else:
            assert entry.reason == found.outcome


def test_wrong_settings_are_named(folder, tmp_path):
    with pytest.raises(UserError, match='keys from'):
        DiffusionStylesSettings.from_dict(dict(type='DiffusionStyles', cutoff=3))
    with pytest.raises(UserError, match='1 or more'):
        DiffusionStylesSettings.from_dict(dict(count=0))
    bad = config(folder)
    bad['synthesis']['objects'] = (1, 2)
    with pytest.raises(UserError, match='objects'):
        synthesize(bad, tmp_path / 'set')
