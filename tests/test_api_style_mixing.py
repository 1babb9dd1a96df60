"""Style mixing on photographs: exact scenes of a generator that draws a square, through Python and the command."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from mmengine.config import Config

from mmseg_gen import api
from mmseg_gen.api.style_mixing import paste_square
from mmseg_gen.cli.main import main
from mmseg_gen.datasets.cat_photos import cat_photo
from mmseg_gen.engine.style_settings import EMBEDDED
from mmseg_gen.errors import UserError
from mmseg_gen.functional.writing import encode_png
from mmseg_gen.generators.style_mixing import random_styles, to_pixels
from mmseg_gen.generators.stylegan2 import save_stylegan2
from tests.engine.square_gan import CUTOFF, square_gan


@pytest.fixture(scope='module')
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp('gan')
    save_stylegan2(square_gan(), root / 'square.safetensors')
    return root


@pytest.fixture
def config(root, tmp_path):
    """Return a function that writes a config and returns its path."""

    def write(**changes):
        style = dict(type='StyleMixing', checkpoint=str(root / 'square.safetensors'), cutoff=CUTOFF, count=12)
        style |= dict(truncation=1.0, photos='nowhere', inversion=dict(steps=60, scales=1))
        labeller = dict(type='StyleMixingLabel', clusters=2, foreground='corner', color_space='rgb')
        synthesis = dict(classes=['square'], generator=style, labeller=labeller, dtype='float16') | changes
        Config(dict(synthesis=synthesis)).dump(str(tmp_path / 'config.py'))
        return str(tmp_path / 'config.py')

    return write


@pytest.fixture
def photo():
    """A wide photo: in the middle 16 x 16 the generator's square of 8 x 8, beside it black."""
    wide = np.zeros((16, 24, 3), np.uint8)
    pixels = to_pixels(square_gan().synthesis(random_styles(square_gan(), 1, seed=5)))[0]
    wide[:, 4:20] = pixels.repeat(2, 0).repeat(2, 1)
    return wide


def square_of(wide):
    mask = np.zeros(wide.shape[:2], bool)
    mask[4:12, 8:16] = True
    return mask


def test_the_mask_is_the_square_in_the_photo(config, photo):
    found = api.segment(photo, 'square', 'style-mixing', generator=config(), device='cpu')
    assert np.array_equal(found.mask, square_of(photo))
    assert np.array_equal(found.objectness, found.mask.astype(np.float32))
    tall = photo.transpose(1, 0, 2).copy()
    segmenter = api.build_segmenter('square', 'style-mixing', generator=config(), device='cpu', seed=3)
    assert np.array_equal(segmenter(tall).mask, square_of(photo).T)


def test_of_several_classes_one_is_asked_for(config, photo):
    # The prior of the first class is in a corner, that of the second in the middle.
    parts = (((0.0, 0.0, 0.05, 0.05),), ((0.5, 0.5, 0.2, 0.2),))
    labeller = dict(type='StyleMixingLabel', clusters=2, color_space='rgb', saliency_threshold=0.4, parts=parts)
    path = config(classes=['dot', 'square'], labeller=labeller)
    dot, square = (api.segment(photo, c, 'style-mixing', generator=path, device='cpu').mask for c in ('dot', 'square'))
    assert np.array_equal(square, square_of(photo))
    assert not dot.any()


def test_the_command_writes_masks_and_overlays_and_names_what_fails(config, photo, tmp_path, capsys):
    folder, out = tmp_path / 'in', tmp_path / 'out'
    folder.mkdir()
    (folder / 'a.png').write_bytes(encode_png(photo))
    (folder / 'b.png').write_bytes(b'no image')
    given = ['segment', str(folder), '--class', 'square', '--out', str(out), '--method', 'style-mixing']
    assert main([*given, '--generator', config(), '--device', 'cpu']) == 1
    text = capsys.readouterr()
    assert text.out.startswith('1 segmented, 1 failed')
    assert 'b.png' in text.err
    assert np.array_equal(cv2.imread(str(out / 'a_mask.png'), 0) == 255, square_of(photo))
    assert cv2.imread(str(out / 'a_overlay.png')).shape == photo.shape


def test_a_photo_that_the_labeller_cannot_decide_is_an_error_with_its_reason(config, photo):
    labeller = dict(type='StyleMixingLabel', clusters=2, foreground='saliency', saliency_threshold=1.0)
    segmenter = api.build_segmenter('square', 'style-mixing', generator=config(labeller=labeller), device='cpu')
    with pytest.raises(ValueError, match='no confident foreground'):
        segmenter(photo)


def test_what_does_not_fit_is_named(config, photo, tmp_path):
    def build(name='square', **options):
        return api.build_segmenter(name, 'style-mixing', device='cpu', **options)

    with pytest.raises(UserError, match=r'class of .*config\.py \(square\), but got .dog.'):
        build('dog', generator=config())
    with pytest.raises(UserError, match='does not tell `cutoff`'):
        build(generator='ffhq.safetensors')
    with pytest.raises(FileNotFoundError, match=r'none\.py'):
        build(generator=str(tmp_path / 'none.py'))
    with pytest.raises(UserError, match='of type StyleMixing'):
        build(generator=config(generator='embedded'))
    with pytest.raises(UserError, match='no `checkpoint`'):
        build(generator=config(), checkpoint='a.pth')
    with pytest.raises(UserError, match='`steps`'):
        build(generator=config(), steps=0)
    with pytest.raises(UserError, match='no such file'):
        build(generator=config(), encoder='none.safetensors')
    with pytest.raises(UserError, match='encoder` of this generator, 8 pixels'):
        build(generator=config(), encoder='embedded')
    assert build(generator=config(), encoder='none', steps=7).inverter.settings.steps == 7


def test_the_embedded_settings_are_those_of_the_config(repository):
    config = Config.fromfile(repository / 'configs/embedded_stylemix.py').synthesis.to_dict()
    own = {key: value for key, value in EMBEDDED['generator'].items() if key != 'inversion'}
    assert own == config['generator']
    assert EMBEDDED['labeller'] == config['labeller']
    assert EMBEDDED['classes'] == config['classes']


def test_the_embedded_generator_finds_a_cat():
    pixels, truth = cat_photo(3, 'train')
    segmenter = api.build_segmenter('cat', 'style-mixing', device='cpu', steps=8)
    assert segmenter.inverter.encoder is not None
    mask = segmenter(pixels).mask
    assert (mask & (truth > 0)).sum() / (mask | (truth > 0)).sum() > 0.5


@pytest.mark.parametrize('size', [(5, 9), (9, 5), (7, 7)])
def test_a_square_goes_back_where_it_was(size):
    side, rng = min(size), np.random.default_rng(0)
    small = rng.random((side, side)) > 0.5
    top, left = (size[0] - side) // 2, (size[1] - side) // 2
    whole = paste_square(small, (top, left, side), size)
    assert whole.shape == size
    assert np.array_equal(whole[top : top + side, left : left + side], small)
    assert whole.sum() == small.sum()
