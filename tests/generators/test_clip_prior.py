import cv2
import numpy as np
import pytest
import torch

from mmseg_gen.generators.class_lists import ClassName
from mmseg_gen.generators.clip_prior import DEVIATION, MEAN, ClipPrior, clip_pixels
from tests.tiny_models import pooled, tiny_clip

NAMES = ('cat', 'dog', 'owl')


@pytest.fixture(scope='module')
def clip():
    torch.manual_seed(0)
    return tiny_clip()


def normalised(images):
    mean, deviation = (torch.tensor(v).view(3, 1, 1) for v in (MEAN, DEVIATION))
    return ((images + 1) / 2 - mean) / deviation


def test_equals_clip_itself_with_one_template(clip):
    images = torch.rand(3, 3, 16, 16) * 2 - 1
    texts = ['a photo of a cat', 'a photo of a dog', 'a photo of an owl']
    tokens = clip.tokenizer(texts, padding=True, return_tensors='pt')
    logits = clip.model(pixel_values=normalised(images), **tokens).logits_per_image
    prior = ClipPrior(clip, NAMES)
    torch.testing.assert_close(prior.probabilities(images), logits.softmax(1))
    assert prior.classify(images) == [NAMES[i] for i in logits.argmax(1)]
    torch.testing.assert_close(prior.probabilities(images[1:2]), prior.probabilities(images)[1:2])


def test_templates_are_averaged_on_the_sphere(clip):
    images, templates = torch.rand(2, 3, 16, 16), ('a {}', 'a red {}')
    vectors = []
    for name in NAMES:
        each = []
        for template in templates:
            text = template.format(name).replace('a owl', 'an owl')
            own = pooled(clip.model.get_text_features(**clip.tokenizer([text], return_tensors='pt')))[0]
            each.append(own / own.norm())
        vectors.append(sum(each) / sum(each).norm())
    own = pooled(clip.model.get_image_features(pixel_values=normalised(images)))
    logits = clip.model.logit_scale.exp() * (own / own.norm(dim=1, keepdim=True)) @ torch.stack(vectors).T
    torch.testing.assert_close(ClipPrior(clip, NAMES, templates).probabilities(images), logits.softmax(1))


def test_groups_are_returned(clip):
    prior = ClipPrior(clip, [ClassName('n1', 'cat', 'animal'), ClassName('n2', 'dog', 'animal')])
    assert prior.names == ['cat', 'dog']
    assert prior.classify(torch.zeros(1, 3, 16, 16)) == ['animal']


@pytest.mark.parametrize('size', [(16, 16), (32, 48), (50, 21), (7, 300), (1, 5)])
def test_pixels_are_resized_and_cropped(size):
    y, x = np.mgrid[0 : size[0], 0 : size[1]].astype(np.float32)
    scale = 16 / min(size)
    image = np.stack([np.sin(y * scale / 9), np.cos(x * scale / 11), np.sin((x + y) * scale / 13)]) * 0.9
    found = clip_pixels(torch.from_numpy(image)[None].float(), 16)
    assert found.shape == (1, 3, 16, 16)
    target = (round(size[1] * scale), round(size[0] * scale))
    mode = cv2.INTER_CUBIC if scale > 1 else cv2.INTER_AREA
    resized = cv2.resize(image.transpose(1, 2, 0).astype(np.float32), target, interpolation=mode)
    top, left = (target[1] - 16) // 2, (target[0] - 16) // 2
    crop = torch.from_numpy(resized[top : top + 16, left : left + 16].transpose(2, 0, 1).copy())
    assert (found[0] - normalised(crop)).abs().mean() < 0.15


def test_wrong_settings_are_refused(clip):
    with pytest.raises(ValueError, match='at least one class'):
        ClipPrior(clip, [])
    with pytest.raises(ValueError, match='`templates`'):
        ClipPrior(clip, NAMES, ['a photo'])
