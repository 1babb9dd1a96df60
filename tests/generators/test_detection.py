"""Zero-shot detectors against transformers' own processors, on random models of the true structure."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mmseg_gen.errors import UserError
from mmseg_gen.functional.boxes import choose_boxes
from mmseg_gen.generators.detection import GroundingDinoBoxes, Owlv2Boxes
from mmseg_gen.registry import GENERATORS
from tests.generators.tiny_detectors import bert_tokenizer, tiny_grounding_dino, tiny_owlv2
from tests.tiny_models import tiny_tokenizer

try:
    from transformers.models.grounding_dino.image_processing_pil_grounding_dino import GroundingDinoImageProcessorPil
    from transformers.models.owlv2.image_processing_pil_owlv2 import Owlv2ImageProcessorPil
except ImportError:  # transformers 4
    from transformers import GroundingDinoImageProcessor as GroundingDinoImageProcessorPil
    from transformers import Owlv2ImageProcessor as Owlv2ImageProcessorPil

CLASSES = ('sofa', 'coffee table')
IMAGE = np.random.default_rng(0).integers(0, 256, (80, 96, 3)).astype(np.uint8)


@pytest.fixture(scope='module')
def dino(tmp_path_factory):
    return GroundingDinoBoxes(
        tiny_grounding_dino(), bert_tokenizer(tmp_path_factory.mktemp('bert')), CLASSES, threshold=0.0
    )


@pytest.fixture(scope='module')
def owl():
    tokenizer = tiny_tokenizer()
    return Owlv2Boxes(tiny_owlv2(len(tokenizer)), tokenizer, ('cat', 'dog', 'bird'), threshold=0.0)


def test_grounding_dino_sees_the_image_and_the_words_as_its_own_processor_does(dino, monkeypatch):
    # At the size of the image nothing is resized: the two libraries interpolate differently.
    monkeypatch.setattr(dino, 'shorter', 80)
    seen = GroundingDinoImageProcessorPil(size={'shortest_edge': 80, 'longest_edge': 1333})(IMAGE, return_tensors='pt')
    words = dino.tokenizer('sofa . coffee table .', return_tensors='pt')
    with torch.no_grad():
        out = dino.model(**seen, **words)
    # [CLS] sofa . coffee table . [SEP]
    each = out.logits[0].sigmoid()
    expected = torch.stack([each[:, 1], torch.maximum(each[:, 3], each[:, 4])], 1)
    x, y, w, h = (out.pred_boxes[0] * torch.tensor([96, 80, 96, 80])).T
    scores, boxes = dino.scores(IMAGE)
    np.testing.assert_allclose(scores, expected, atol=1e-5)
    np.testing.assert_allclose(boxes, torch.stack([x - w / 2, y - h / 2, x + w / 2, y + h / 2], 1), atol=1e-3)


class GreyPadding(Owlv2ImageProcessorPil):
    """The processor with the grey margin of transformers 4 and of the original; version 5 pads with black."""

    def pad(self, image, constant_value=0.5):
        return super().pad(image, constant_value)


def test_owlv2_sees_the_image_and_the_words_as_its_own_processor_does(owl):
    seen = GreyPadding(size={'height': 96, 'width': 96})(IMAGE, return_tensors='pt')
    texts = [f'a photo of a {name}' for name in owl.classes]
    words = owl.tokenizer(texts, padding='max_length', max_length=16, return_tensors='pt')
    with torch.no_grad():
        out = owl.model(pixel_values=seen.pixel_values, input_ids=words.input_ids, attention_mask=words.attention_mask)
    found = Owlv2ImageProcessorPil().post_process_object_detection(out, threshold=0.0, target_sizes=[(80, 96)])[0]
    scores, boxes = owl.scores(IMAGE)
    np.testing.assert_allclose(scores.max(1), found['scores'], atol=1e-5)
    assert np.array_equal(scores.argmax(1), found['labels'])
    np.testing.assert_allclose(boxes, found['boxes'], atol=1e-3)


@pytest.mark.parametrize('kind', ['dino', 'owl'])
def test_chosen_boxes_lie_in_the_image_under_the_labels_of_their_classes(kind, request):
    detector = request.getfixturevalue(kind)
    boxes, labels = detector.find(IMAGE, 'any')
    scores, corners = detector.scores(IMAGE)
    expected = choose_boxes(corners, scores, (80, 96), 0.0, detector.overlap)
    assert np.array_equal(boxes, expected.boxes)
    assert np.array_equal(labels, expected.labels + 1)
    assert len(boxes) > 0
    assert boxes.dtype == np.float32
    assert (boxes >= 0).all()
    assert (boxes <= [96, 80, 96, 80]).all()
    assert set(labels) <= set(range(1, len(detector.classes) + 1))


def test_a_folder_is_read_offline_and_only_as_safetensors(tmp_path, dino):
    with pytest.raises(UserError, match='GroundingDinoForObjectDetection at /nowhere'):
        GroundingDinoBoxes.from_settings(CLASSES, 'cpu', model='/nowhere')
    dino.model.save_pretrained(tmp_path)
    dino.tokenizer.save_pretrained(tmp_path)
    kind = GENERATORS.get('GroundingDinoBoxes')
    twin = kind.from_settings(CLASSES, 'cpu', model=str(tmp_path), threshold=0.0)
    np.testing.assert_allclose(twin.scores(IMAGE)[0], dino.scores(IMAGE)[0], atol=1e-5)
    assert not any(p.requires_grad for p in twin.model.parameters())
    (tmp_path / 'model.safetensors').rename(tmp_path / 'pytorch_model.bin')
    with pytest.raises(UserError, match='as safetensors'):
        kind.from_settings(CLASSES, 'cpu', model=str(tmp_path))


def test_wrong_settings_are_named(dino, owl):
    for options, text in (
        (dict(threshold=2), 'threshold'),
        (dict(overlap=0), 'overlap'),
        (dict(max_boxes=0), 'max_boxes'),
    ):
        with pytest.raises(ValueError, match=f'`{text}`'):
            Owlv2Boxes(owl.model, owl.tokenizer, CLASSES, **options)
    with pytest.raises(ValueError, match='classes'):
        Owlv2Boxes(owl.model, owl.tokenizer, ())
    long = GroundingDinoBoxes(dino.model, dino.tokenizer, ['coffee table'] * 8)
    with pytest.raises(UserError, match='at most 16 tokens together, but got 26'):
        long.scores(IMAGE)
