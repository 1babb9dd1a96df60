"""`segment`: the mask lies on the object, at the image's own size, whatever size the model saw."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import torch
from PIL import Image

import mmseg_gen
from mmseg_gen.api import AttentionCutSegmenter, Segmentation, build_segmenter, segment
from mmseg_gen.errors import UserError
from mmseg_gen.functional.attention_cut import CutSettings
from mmseg_gen.functional.evidence import Evidence
from tests.tiny_models import tiny_parts


@pytest.fixture(scope='module')
def parts():
    return tiny_parts()


@pytest.fixture
def photo():
    return np.random.default_rng(0).integers(0, 256, (40, 30, 3), dtype=np.uint8)


def rectangle(size, box):
    """Bool mask that is true in a box (top, left, bottom, right) given in shares of the sides."""
    rows, columns = (np.arange(n) + 0.5 for n in size)
    inside_rows = (rows > box[0] * size[0]) & (rows < box[2] * size[0])
    return inside_rows[:, None] & (columns > box[1] * size[1]) & (columns < box[3] * size[1])


def evidence_of(mask):
    """Evidence that says exactly this mask, on the mask's own grid."""
    return Evidence(
        cross=mask[None].astype(np.float32),
        deviation=np.ones(1, np.float32),
        seed_map=np.zeros(mask.shape, np.float32),
        affinity=np.zeros((4, *mask.shape), np.float32),
    )


@pytest.mark.parametrize('size', [(16, 16), (96, 128), (256, 64), (301, 217), (12, 12), (40, 1000)])
def test_a_known_rectangle_comes_back_in_its_place(parts, monkeypatch, size):
    box = (0.25, 0.25, 0.75, 0.75)
    seen = []

    def collect(self, image):
        seen.append(image.shape)
        return evidence_of(rectangle(image.shape[:2], box))

    monkeypatch.setattr(AttentionCutSegmenter, 'collect', collect)
    exact = rectangle(size, box)
    image = np.where(exact[..., None], 220, 30).astype(np.uint8).repeat(3, axis=-1)
    settings = CutSettings(top_k=1, color_rounds=0)
    found = segment(image, 'dog', generator=parts, settings=settings)
    assert found.mask.dtype == bool
    assert found.mask.shape == found.objectness.shape == size
    assert found.objectness.dtype == np.float32
    assert seen[0][0] % 4 == seen[0][1] % 4 == 0
    assert max(seen[0][:2]) == 16
    # In pixels of the image: what is left is the rounding of edges to whole pixels.
    shift = np.abs(np.argwhere(found.mask).mean(0) - np.argwhere(exact).mean(0))
    assert shift.max() <= 0.5
    if all(s % n == 0 for s, n in zip(size, seen[0][:2], strict=True)):
        assert shift.max() < 1e-9
        row, column = size[0] // 2, size[1] // 2
        assert np.array_equal(found.mask[row], exact[row])
        assert np.array_equal(found.mask[:, column], exact[:, column])
    assert found.objectness[exact].mean() > 0.8 > 0.2 > found.objectness[~exact].mean()


def test_the_whole_path_on_a_random_model(parts, photo, tmp_path):
    before = photo.copy()
    first = segment(photo, 'dog', generator=parts, steps=2, seed=3)
    assert first.mask.shape == (40, 30)
    assert first.class_name == 'dog'
    assert np.isfinite(first.objectness).all()
    assert 0 <= first.objectness.min() <= first.objectness.max() <= 1
    # 40 x 30 px: 16 x 12 for the model, 8 x 6 latents.
    assert first.evidence.seed_map.shape == (8, 6)
    assert np.array_equal(photo, before)
    again = segment(photo, 'dog', generator=parts, steps=2, seed=3)
    assert np.array_equal(first.mask, again.mask)
    assert np.array_equal(first.objectness, again.objectness)
    Image.fromarray(photo).save(tmp_path / 'a.png')
    for path in (tmp_path / 'a.png', str(tmp_path / 'a.png')):
        assert np.array_equal(segment(path, 'dog', generator=parts, steps=2, seed=3).mask, first.mask)


def test_the_evidence_is_the_attention_to_the_class_along_the_inversion(parts):
    from mmseg_gen.generators.capture import AttentionRecorder
    from mmseg_gen.generators.inversion import invert_latents
    from mmseg_gen.generators.latents import encode_images
    from mmseg_gen.generators.text import encode_prompts

    image = np.random.default_rng(1).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    found = segment(image, 'red dog', generator=parts, steps=3)
    pixels = torch.from_numpy(image).permute(2, 0, 1)[None] / 127.5 - 1
    latents = encode_images(parts, pixels)
    recorder = AttentionRecorder(parts.unet, (8, 8))
    context = encode_prompts(parts, ['a photo of a red dog'])
    invert_latents(parts, latents, context, steps=3, recorder=recorder)
    expected = [m[0].numpy() for m in recorder.cross_maps([[5, 6]])]
    assert len(expected) == len(found.evidence.cross)
    assert any(m.shape == (8, 8) for m in expected)
    for own, raw in zip(found.evidence.cross, expected, strict=True):
        assert raw.shape != (8, 8) or np.allclose(own, raw, atol=1e-6)


def test_prompt_may_hold_the_class_or_its_place(parts, photo):
    given = segment(photo, 'red  dog', generator=parts, steps=1, prompt='a photo of a red dog and a cat')
    placed = segment(photo, 'red dog', generator=parts, steps=1, prompt='a photo of a {class} and a cat')
    assert given.class_name == 'red dog'
    assert np.array_equal(given.objectness, placed.objectness)
    with pytest.raises(UserError, match="name its class 'dog', but got 'a photo of a cat'"):
        build_segmenter('dog', generator=parts, prompt='a photo of a cat')


def test_result_saves_and_overlays(tmp_path, photo):
    mask = rectangle((40, 30), (0.25, 0.25, 0.5, 0.5))
    result = Segmentation(mask, mask.astype(np.float32), 'dog')
    path = result.save(tmp_path / 'new' / 'a.png')
    read = np.asarray(Image.open(path))
    assert read.dtype == np.uint8
    assert np.array_equal(read, mask * 255)
    assert [p.name for p in path.parent.iterdir()] == ['a.png']
    drawn = result.overlay(photo)
    assert np.array_equal(drawn[~mask], photo[~mask])
    assert (drawn[mask] != photo[mask]).any()
    Image.fromarray(photo).save(tmp_path / 'photo.png')
    assert np.array_equal(result.overlay(tmp_path / 'photo.png'), drawn)
    with pytest.raises(ValueError, match=r'end in .png, but got a.jpg'):
        result.save(tmp_path / 'a.jpg')
    assert pickle.loads(pickle.dumps(result)).class_name == 'dog'


def test_errors(parts, photo, tmp_path, monkeypatch):
    with pytest.raises(UserError, match='one or more words'):
        segment(photo, '  ', generator=parts)
    with pytest.raises(UserError, match='or a config with its checkpoint, but got attention_cut'):
        segment(photo, 'dog', 'attention_cut', generator=parts)
    with pytest.raises(UserError, match='Expected no `checkpoint` with attention-cut'):
        segment(photo, 'dog', checkpoint='a.pth', generator=parts)
    with pytest.raises(ValueError, match='at least 8 x 8 pixels, but got 1 x 40'):
        segment(photo[:, :1], 'dog', generator=parts)
    with pytest.raises(TypeError, match='Expected `image` to be a uint8 array'):
        segment(photo / 255.0, 'dog', generator=parts)
    with pytest.raises(FileNotFoundError, match='Expected an image file'):
        segment(tmp_path / 'none.png', 'dog', generator=parts)
    with pytest.raises(FileNotFoundError, match='Expected a checkpoint'):
        segment(photo, 'dog', 'none.py', checkpoint='none.pth')
    monkeypatch.setenv('MMSEG_GEN_EMBEDDED', str(tmp_path / 'nowhere'))
    with pytest.raises(UserError, match='Expected the embedded models at'):
        segment(photo, 'dog')


def test_nan_in_the_model_is_named(photo):
    broken = tiny_parts(seed=1)
    with torch.no_grad():
        broken.unet.conv_in.weight.fill_(float('nan'))
    with pytest.raises(ValueError, match='NaN'):
        segment(photo, 'dog', generator=broken, steps=1)


def test_the_package_offers_segment():
    assert mmseg_gen.segment is segment


def test_embedded_weights_find_the_object(embedded_weights):
    from mmseg_gen.generators.embedded.scenes import CLASSES, render_scene
    from mmseg_gen.generators.parts import load_parts

    parts = load_parts('embedded')
    overlaps = []
    for seed in range(900_000, 900_004):
        scene = render_scene(seed, names=[CLASSES[seed % len(CLASSES)]])
        name = scene.objects[0].name
        found = segment(scene.image, name, generator=parts, steps=10).mask
        truth = scene.labels > 0
        overlaps.append((found & truth).sum() / (found | truth).sum())
    assert np.mean(overlaps) > 0.4
