"""``mmseg-gen label``: a data set of masks, the outcome of every photo, and what is refused."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest

from mmseg_gen.cli import label
from mmseg_gen.cli.main import build_parser, main
from mmseg_gen.errors import UserError
from mmseg_gen.functional.photo_records import read_records
from tests.tiny_models import save_tiny


@pytest.fixture(scope='module')
def generator(tmp_path_factory):
    return str(save_tiny(tmp_path_factory.mktemp('tiny')))


@pytest.fixture
def photos(tmp_path):
    rng = np.random.default_rng(0)
    (tmp_path / 'photos' / 'deep').mkdir(parents=True)
    for name, size in (('a', (20, 33)), ('deep/b', (30, 18))):
        cv2.imwrite(str(tmp_path / 'photos' / f'{name}.png'), rng.integers(0, 255, (*size, 3), np.uint8))
    return tmp_path / 'photos'


def arguments(*given):
    return build_parser('label').parse_args(['label', *map(str, given)])


def call(photos, out, generator, *more):
    given = (photos, '--class', 'cat', '--out', out, '--generator', generator, '--canvas', 16, 24, '--t0', 2)
    return main(['label', *map(str, (*given, *more))])


def test_two_stages_write_masks_names_and_outcomes(photos, tmp_path, generator, capsys):
    out = tmp_path / 'out'
    (photos / 'bad.jpg').write_bytes(b'x')
    assert call(photos, out, generator, '--steps', 2) == label.FAILED
    records = read_records(out)
    assert set(records) == {'a', 'deep/b', 'bad'}
    assert records['bad'].outcome == 'unreadable'
    assert json.loads((out / 'classes.json').read_text()) == {'0': 'background', '1': 'cat'}
    text = capsys.readouterr()
    assert '1 unreadable' in text.out
    assert 'bad.jpg' in text.err
    assert set(read_records(out / 'preliminary')) == set(records)
    before = (out / 'manifest.jsonl').read_bytes()
    assert call(photos, out, generator, '--steps', 2) == 2
    assert '--resume' in capsys.readouterr().err
    assert call(photos, out, generator, '--steps', 2, '--resume') == label.FAILED
    assert (out / 'manifest.jsonl').read_bytes() == before


def test_attention_cut_labels_one_class_and_several(photos, tmp_path, generator):
    cut = ('--method', 'attention-cut', '--steps', 2)
    assert call(photos, tmp_path / 'one', generator, *cut) == 0
    assert call(photos, tmp_path / 'two', generator, *cut, '--class', 'dog') == 0
    for name in ('one', 'two'):
        records = read_records(tmp_path / name)
        assert set(records) == {'a', 'deep/b'}
        for record in records.values():
            if record.outcome == 'found':
                mask = cv2.imread(str(record.path(tmp_path / name, 'mask')))
                assert mask.shape == cv2.imread(record.image).shape


def test_the_prompt_names_every_class_and_the_embedded_settings_are_their_own(photos):
    given = (photos, '--class', 'orange  cat', '--class', 'dog', '--out', 'o')
    settings = label.settings_of(arguments(*given))
    assert settings.prompt == 'a photo of an orange cat and a dog'
    assert settings.concepts == (('orange cat',), ('dog',))
    assert settings.names == ('background', 'orange cat', 'dog')
    assert (settings.evidence.max_steps, settings.labeller.min_contrast) == (20, 0.1)
    other = label.settings_of(arguments(*given, '--generator', 'some/model', '--min-contrast', '0.3', '--steps', '7'))
    assert (other.evidence.max_steps, other.labeller.min_contrast, other.refine.steps) == (40, 0.3, 7)


def test_wrong_folders_and_classes_are_refused(photos, tmp_path, generator, capsys):
    assert call(photos, photos / 'out', generator) == 2
    assert 'outside the photos' in capsys.readouterr().err
    (tmp_path / 'file').write_bytes(b'')
    assert call(photos, tmp_path / 'file', generator) == 2
    assert call(tmp_path / 'none', tmp_path / 'o', generator) == 2
    for names in ([' '], ['a cat', 'a  cat']):
        given = [word for name in names for word in ('--class', name)]
        with pytest.raises(UserError, match='Expected class names, each once'):
            label.settings_of(arguments(photos, *given, '--out', 'o'))
    assert call(photos, tmp_path / 'o', generator, '--prompt', 'a photo of a house') == 2
    assert "'cat'" in capsys.readouterr().err


@pytest.mark.parametrize('method', ['fobadiffusion', 'attention-cut'])
def test_no_steps_are_refused_before_anything_is_made(photos, tmp_path, generator, capsys, method):
    assert call(photos, tmp_path / 'out', generator, '--method', method, '--steps', 0) == 2
    assert '--steps of at least 1, but got 0' in capsys.readouterr().err
    assert not (tmp_path / 'out').exists()


@pytest.mark.parametrize(
    ('given', 'message'),
    [
        (('--t0', 51), 'Expected --t0 in [1, 50], but got 51'),
        (('--t0', 0), 'Expected --t0 of at least 1, but got 0'),
        (('--canvas', 0, 8), 'Expected --canvas of at least 1 pixel each, but got 0 8'),
        (('--canvas', 15, 24), 'Expected --canvas of multiples of 2, but got (15, 24)'),
        (('--seed', -1), 'Expected --seed to be an integer >= 0, but got -1'),
        (('--min-contrast', -1), 'Expected --min-contrast to be 0 or more, but got -1.0'),
    ],
)
def test_numbers_out_of_range_are_named_as_they_were_typed(photos, tmp_path, generator, capsys, given, message):
    assert call(photos, tmp_path / 'out', generator, *given) == 2
    text = capsys.readouterr().err
    assert message in text
    assert 'concept.' not in text
    assert not list(tmp_path.glob('out/**/*.png'))


def test_a_missing_painter_is_noticed_before_anything_is_made(photos, tmp_path, generator, capsys):
    assert call(photos, tmp_path / 'out', generator, '--painter', 'nowhere') == 2
    assert "hub id such as CompVis/stable-diffusion-v1-4, but got 'nowhere'" in capsys.readouterr().err
    assert not (tmp_path / 'out').exists()
