"""``mmseg-gen segment``: two files for each good image, one sentence for each bad one."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from mmseg_gen import api
from mmseg_gen.api import Segmentation
from mmseg_gen.cli import segment
from mmseg_gen.cli.main import main
from tests.tiny_models import save_tiny


@pytest.fixture(scope='module')
def generator(tmp_path_factory):
    return str(save_tiny(tmp_path_factory.mktemp('tiny')))


@pytest.fixture
def quick(monkeypatch):
    """Replace the model: the mask is where the image is bright. Returns the sizes of the images it saw."""
    seen = []

    def build(class_name, method, **options):
        def segmenter(image):
            seen.append(image.shape)
            mask = image.mean(-1) > 127
            return Segmentation(mask, mask.astype(np.float32), class_name)

        return segmenter

    monkeypatch.setattr(api, 'build_segmenter', build)
    return seen


def half_bright(size=(20, 30)):
    image = np.zeros((*size, 3), np.uint8)
    image[:, size[1] // 2 :] = 250
    return image


def write(path, image=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(half_bright() if image is None else image).save(path)
    return path


def run(*arguments):
    return main(['segment', *map(str, arguments)])


def read(path):
    return np.asarray(Image.open(path))


def test_the_whole_path_on_a_folder(generator, tmp_path, capsys):
    for name, size in (('a.png', (20, 30)), ('b.jpg', (64, 48))):
        write(tmp_path / 'in' / name, half_bright(size))
    out = tmp_path / 'out' / 'deep'
    status = run(tmp_path / 'in', '--class', 'potted plant', '--out', out, '--generator', generator, '--steps', 2)
    assert status == 0
    assert sorted(p.name for p in out.iterdir()) == [
        'a_mask.png',
        'a_overlay.png',
        'b_mask.png',
        'b_overlay.png',
    ]
    for name, size in (('a', (20, 30)), ('b', (64, 48))):
        mask = read(out / f'{name}_mask.png')
        assert mask.shape == size
        assert set(np.unique(mask)) <= {0, 255}
        assert read(out / f'{name}_overlay.png').shape == (*size, 3)
    assert capsys.readouterr().out == f'2 segmented, 0 failed; masks and overlays in {out}\n'


def test_python_and_the_command_agree(generator, tmp_path):
    path = write(tmp_path / 'a.png')
    options = ('--steps', 2, '--seed', 5, '--prompt', 'a photo of a {class} and a dog', '--device', 'cpu')
    assert run(path, '--class', 'cat', '--out', tmp_path / 'out', '--generator', generator, *options) == 0
    found = api.segment(path, 'cat', generator=generator, steps=2, seed=5, prompt='a photo of a cat and a dog')
    assert np.array_equal(read(tmp_path / 'out' / 'a_mask.png') > 0, found.mask)
    assert np.array_equal(read(tmp_path / 'out' / 'a_overlay.png'), found.overlay(path))


def test_a_batch_goes_on_past_bad_files(quick, tmp_path, capsys):
    folder = tmp_path / 'in'
    write(folder / 'a.png')
    whole = write(folder / 'z.png', np.random.default_rng(0).integers(0, 256, (60, 60, 3), dtype=np.uint8))
    (folder / 'b.png').write_bytes(whole.read_bytes()[:2000])
    (folder / 'c.jpg').write_text('not an image')
    write(folder / 'd.png', half_bright((40, 1)))
    (folder / 'notes.txt').write_text('ignored')
    assert run(folder, '--class', 'dog', '--out', tmp_path / 'out') == 1
    written = capsys.readouterr()
    assert written.out.startswith('2 segmented, 3 failed; ')
    failed = [line for line in written.err.splitlines() if line.startswith('failed: ')]
    assert len(failed) == 3
    assert f'{folder / "b.png"}: Expected a complete image' in failed[0]
    assert 'is not one that Pillow can read' in failed[1]
    assert 'at least 8 x 8 pixels, but got 1 x 40' in failed[2]
    made = sorted(p.name for p in (tmp_path / 'out').iterdir())
    assert made == ['a_mask.png', 'a_overlay.png', 'z_mask.png', 'z_overlay.png']


@pytest.mark.parametrize('error', [ValueError('NaN\nattention'), RuntimeError('out of memory'), MemoryError()])
def test_a_failing_model_counts_as_a_bad_file(monkeypatch, tmp_path, capsys, error):
    def build(*args, **options):
        def segmenter(image):
            raise error

        return segmenter

    monkeypatch.setattr(api, 'build_segmenter', build)
    path = write(tmp_path / 'a.png')
    assert run(path, '--class', 'dog', '--out', tmp_path / 'out') == 1
    reason = ' '.join(str(error).split()) or 'MemoryError'
    assert f'failed: {path}: {reason}\n' in capsys.readouterr().err
    assert not (tmp_path / 'out').exists()


def test_unusual_files_are_segmented(quick, tmp_path):
    folder = tmp_path / 'in'
    grey = half_bright()[..., 0]
    write(folder / 'grey.png', grey)
    write(folder / 'deep.png', grey.astype(np.uint16) * 257)
    rgba = np.dstack([half_bright(), np.full((20, 30), 255, np.uint8)])
    write(folder / 'rgba.png', rgba)
    write(folder / 'wide.png', half_bright((10, 8000)))
    assert run(folder, '--class', 'dog', '--out', tmp_path / 'out') == 0
    for name in ('grey', 'deep', 'rgba', 'wide'):
        mask = read(tmp_path / 'out' / f'{name}_mask.png')
        width = 8000 if name == 'wide' else 30
        assert mask.shape == (10 if name == 'wide' else 20, width)
        assert (mask[:, : width // 2] == 0).all()
        assert (mask[:, width // 2 :] == 255).all()


def test_existing_outputs_are_refused_kept_or_written_again(quick, tmp_path, capsys):
    folder, out = tmp_path / 'in', tmp_path / 'out'
    for name in ('a.png', 'b.png'):
        write(folder / name)
    assert run(folder / 'a.png', '--class', 'dog', '--out', out) == 0
    (out / 'a_mask.png').write_text('precious')
    quick.clear()
    assert run(folder, '--class', 'dog', '--out', out) == 2
    assert '2 outputs exist already' in capsys.readouterr().err
    assert quick == []
    assert run(folder, '--class', 'dog', '--out', out, '--resume') == 0
    assert len(quick) == 1
    assert '1 segmented, 1 kept, 0 failed' in capsys.readouterr().out
    assert (out / 'a_mask.png').read_text() == 'precious'
    assert run(folder, '--class', 'dog', '--out', out, '--resume') == 0
    assert '0 segmented, 2 kept' in capsys.readouterr().out
    assert run(folder, '--class', 'dog', '--out', out, '--overwrite') == 0
    assert read(out / 'a_mask.png').shape == (20, 30)
    (out / 'a_mask.png').unlink()
    assert run(folder, '--class', 'dog', '--out', out, '--resume') == 0
    assert (out / 'a_mask.png').is_file()


def test_files_of_one_stem_keep_apart(tmp_path):
    for name in ('a.jpg', 'A.png', 'b.png'):
        write(tmp_path / 'in' / name)
    jobs = segment.plan_jobs(tmp_path / 'in', tmp_path)
    assert [job.mask.name for job in jobs] == ['A.png_mask.png', 'a.jpg_mask.png', 'b_mask.png']
    assert [job.overlay.name for job in jobs] == ['A.png_overlay.png', 'a.jpg_overlay.png', 'b_overlay.png']


def one_line(capsys):
    """Return the last line on stderr; loaders of models may have shown their progress before it."""
    text = capsys.readouterr().err
    assert text.count('mmseg-gen: error: ') == 1
    last = text.splitlines()[-1]
    assert last.startswith('mmseg-gen: error: ')
    return last


def test_what_cannot_start_at_all_gets_one_sentence(quick, tmp_path, capsys):
    folder = tmp_path / 'in'
    folder.mkdir()
    assert run(folder, '--class', 'dog', '--out', tmp_path / 'out') == 2
    assert f'in {folder}, but found none' in one_line(capsys)
    assert run(tmp_path / 'none.png', '--class', 'dog', '--out', tmp_path / 'out') == 2
    assert f'there is no {tmp_path / "none.png"}' in one_line(capsys)
    path = write(folder / 'a.png')
    assert run(folder, '--class', 'dog', '--out', folder) == 2
    assert 'another folder than the images' in one_line(capsys)
    assert run(path, '--class', 'dog', '--out', path) == 2
    assert 'is a file' in one_line(capsys)
    assert run(path, '--class', 'dog', '--out', tmp_path / 'out', '--method', 'a', 'b', 'c') == 2
    assert '--method CONFIG CHECKPOINT' in one_line(capsys)
    assert not (tmp_path / 'out').exists()


def test_errors_of_the_model_come_before_any_image(generator, tmp_path, capsys, monkeypatch):
    path, out = write(tmp_path / 'a.png'), tmp_path / 'out'
    common = (path, '--out', out, '--generator', generator)
    assert run(*common, '--class', 'dog', '--prompt', 'a photo of a cat') == 2
    assert "name its class 'dog', but got 'a photo of a cat'" in one_line(capsys)
    assert run(*common, '--class', ' ') == 2
    assert 'one or more words' in one_line(capsys)
    assert run(path, '--out', out, '--class', 'dog', '--generator', 'nowhere') == 2
    assert "'nowhere'" in one_line(capsys)
    assert run(path, '--out', out, '--class', 'dog', '--method', 'config.py') == 2
    assert 'a config with its checkpoint' in one_line(capsys)
    assert run(path, '--out', out, '--class', 'dog', '--method', 'config.py', 'a.pth') == 2
    assert 'a.pth' in one_line(capsys)
    assert run(*common, '--class', 'dog', '--seed', -1) == 2
    assert '`seed` to be 0 or more, but got -1' in one_line(capsys)
    (tmp_path / 'broken.py').write_text('model = dict(')
    assert run(path, '--out', out, '--class', 'dog', '--method', tmp_path / 'broken.py', path) == 2
    assert 'broken.py to be a config, but it does not load: SyntaxError' in one_line(capsys)
    monkeypatch.setenv('MMSEG_GEN_EMBEDDED', str(tmp_path / 'gone'))
    assert run(path, '--out', out, '--class', 'dog') == 2
    assert 'Expected the embedded models at' in one_line(capsys)
    assert not out.exists()


def test_a_word_that_the_model_has_not_seen_is_told_once(generator, tmp_path, caplog):
    for name in 'ab':
        write(tmp_path / 'in' / f'{name}.png')
    common = (tmp_path / 'in', '--generator', generator, '--steps', 1)
    assert run(*common, '--class', 'qzxv', '--out', tmp_path / 'out') == 0
    (record,) = [r for r in caplog.records if 'letter by letter' in r.getMessage()]
    assert "'qzxv'" in record.getMessage()


def test_an_8000_pixel_wide_photo_goes_through_the_model(generator, tmp_path):
    path = write(tmp_path / 'wide.png', half_bright((40, 8000)))
    assert run(path, '--class', 'dog', '--out', tmp_path / 'out', '--generator', generator, '--steps', 1) == 0
    assert read(tmp_path / 'out' / 'wide_mask.png').shape == (40, 8000)


@pytest.mark.parametrize('steps', ['0', '5000'])
def test_steps_out_of_range_are_named(generator, tmp_path, capsys, steps):
    path = write(tmp_path / 'a.png')
    arguments = (
        path,
        '--class',
        'dog',
        '--out',
        tmp_path / 'out',
        '--generator',
        generator,
        '--steps',
        steps,
    )
    assert run(*arguments) != 0
    assert '`steps`' in capsys.readouterr().err


def test_the_defaults_are_those_of_the_python_call():
    assert segment.DEFAULT_PROMPT == api.DEFAULT_PROMPT
    assert (segment.ATTENTION_CUT, segment.STYLE_MIXING) == (api.ATTENTION_CUT, api.STYLE_MIXING)


def test_the_method_and_its_options_reach_the_segmenter(monkeypatch, tmp_path):
    calls = []

    def build(*arguments, **options):
        calls.append((arguments, options))
        return lambda image: Segmentation(image[..., 0] > 0, image[..., 0] / np.float32(255), 'dog')

    monkeypatch.setattr(api, 'build_segmenter', build)
    common = (write(tmp_path / 'a.png'), '--class', 'dog', '--out', tmp_path / 'out')
    model = ('--method', 'config.py', 'best.pth', '--device', 'cpu')
    assert run(*common, *model) == 0
    assert run(*common, '--overwrite', '--generator', 'a/b', '--steps', 7, '--seed', 3) == 0
    (first, given), (second, options) = calls
    assert first == ('dog', 'config.py')
    assert (given['checkpoint'], given['device']) == ('best.pth', 'cpu')
    assert second == ('dog', 'attention-cut')
    assert options['checkpoint'] is None
    assert (options['generator'], options['steps'], options['seed']) == ('a/b', 7, 3)
    assert options['prompt'] == api.DEFAULT_PROMPT
    assert options['encoder'] is None
    assert run(*common, '--overwrite', '--method', 'style-mixing', '--encoder', 'e.safetensors') == 0
    assert calls[2][0] == ('dog', 'style-mixing')
    assert calls[2][1]['encoder'] == 'e.safetensors'
    assert calls[2][1]['steps'] is None
    assert run(*common, '--overwrite', '--encoder', 'embedded') == 2
