"""``mmseg-gen refine`` and the Python call, with the dense CRF and with G4Seg on tiny models."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from mmseg_gen.api.refinement import build_refiner, refine
from mmseg_gen.cli.main import main
from mmseg_gen.refiners import DenseCRF, G4Seg
from mmseg_gen.refiners.stored_masks import mask_probabilities
from tests.tiny_models import save_tiny, tiny_parts

SIZE = (18, 26)


def write_pair(folder: Path, name: str, *, alpha: bool = False, stored: str = 'png') -> tuple[Path, Path]:
    """Write a bright object on a dark ground and a mask of it that is shifted by two pixels."""
    (folder / 'images').mkdir(parents=True, exist_ok=True)
    (folder / 'masks').mkdir(parents=True, exist_ok=True)
    image = np.full((*SIZE, 4 if alpha else 3), 30, np.uint8)
    image[5:14, 6:18] = 220
    if alpha:
        image[..., 3] = 255
    mask = np.zeros(SIZE, np.uint8)
    mask[5:14, 8:20] = 255
    cv2.imwrite(str(folder / 'images' / f'{name}.png'), image)
    path = folder / 'masks' / f'{name}.{stored}'
    if stored == 'png':
        cv2.imwrite(str(path), mask)
    else:
        np.save(path, mask > 0)
    return folder / 'images' / f'{name}.png', path


def test_the_python_call_equals_the_refiner(tmp_path):
    image, mask = write_pair(tmp_path, 'a')
    result = refine(image, mask, 'cat', 'dense-crf', soften=1.0)
    pixels = cv2.imread(str(image))[..., ::-1]
    stored = cv2.imread(str(mask), cv2.IMREAD_UNCHANGED)
    expected = DenseCRF()(
        np.ascontiguousarray(pixels), mask_probabilities(stored, ['cat'], SIZE, 1.0), ['background', 'cat']
    )
    assert (result.probabilities == expected).all()
    assert (result.labels == expected.argmax(0)).all()


def test_a_folder_of_png_and_npy_masks_and_images_with_alpha(tmp_path, capsys):
    write_pair(tmp_path, 'a', stored='npy')
    write_pair(tmp_path, 'b', alpha=True)
    out = tmp_path / 'out'
    arguments = ['refine', str(tmp_path / 'images'), str(tmp_path / 'masks'), '--class', 'cat', '--out', str(out)]
    assert main([*arguments, '--refiner', 'dense-crf']) == 0
    assert '2 refined, 0 kept, 0 failed' in capsys.readouterr().out
    for name in 'ab':
        hard = cv2.imread(str(out / f'{name}_refined.png'), cv2.IMREAD_UNCHANGED)
        soft = np.load(out / f'{name}_refined.npy')
        assert set(np.unique(hard)) <= {0, 255}
        assert ((hard > 0) == (soft[1] > soft[0])).all()
        assert cv2.imread(str(out / f'{name}_overlay.png')).shape == (*SIZE, 3)
    assert (np.load(out / 'a_refined.npy') == np.load(out / 'b_refined.npy')).all()


def test_label_maps_of_several_classes_keep_their_labels(tmp_path):
    image, mask = write_pair(tmp_path, 'a')
    labels = np.zeros(SIZE, np.uint8)
    labels[5:14, 6:12], labels[5:14, 12:18] = 1, 2
    cv2.imwrite(str(mask), labels)
    command = ['refine', str(image), str(mask), '--class', 'cat', '--class', 'dog', '--out', str(tmp_path / 'out')]
    assert main([*command, '--refiner', 'guided-filter']) == 0
    hard = cv2.imread(str(tmp_path / 'out' / 'a_refined.png'), cv2.IMREAD_UNCHANGED)
    assert set(np.unique(hard)) == {0, 1, 2}


def test_existing_results_are_kept_or_written_again_when_asked(tmp_path, capsys):
    image, mask = write_pair(tmp_path, 'a')
    command = ['refine', str(image), str(mask), '--class', 'cat', '--out', str(tmp_path / 'out'), '--refiner', 'pamr']
    assert main(command) == 0
    assert main(command) == 2
    assert '--resume' in capsys.readouterr().err
    hard = tmp_path / 'out' / 'a_refined.png'
    before = hard.read_bytes()
    hard.write_bytes(b'mine')
    assert main([*command, '--resume']) == 0
    assert hard.read_bytes() == b'mine'
    assert main([*command, '--overwrite']) == 0
    assert hard.read_bytes() == before


def test_one_bad_mask_does_not_stop_the_others(tmp_path, capsys):
    write_pair(tmp_path, 'a')
    _, bad = write_pair(tmp_path, 'b')
    cv2.imwrite(str(bad), np.zeros((3, 3), np.uint8))
    command = [
        'refine',
        str(tmp_path / 'images'),
        str(tmp_path / 'masks'),
        '--class',
        'cat',
        '--out',
        str(tmp_path / 'o'),
    ]
    assert main([*command, '--refiner', 'dense-crf']) == 1
    captured = capsys.readouterr()
    assert '1 refined, 0 kept, 1 failed' in captured.out
    assert 'size of its image' in captured.err


def test_a_config_names_the_refiner(tmp_path):
    image, mask = write_pair(tmp_path, 'a')
    config = tmp_path / 'mine.py'
    config.write_text("refiner = dict(type='DenseCRF', color_weight=5.0)\n")
    command = ['refine', str(image), str(mask), '--class', 'cat', '--out', str(tmp_path / 'out')]
    assert main([*command, '--refiner', str(config)]) == 0
    expected = refine(image, mask, 'cat', dict(type='DenseCRF', color_weight=5.0))
    assert (np.load(tmp_path / 'out' / 'a_refined.npy') == expected.probabilities).all()


@pytest.mark.parametrize(
    ('refiner', 'named'),
    [
        ("dict(type='ColorCut', lamm=3)", "unexpected keyword argument 'lamm'"),
        ("dict(type='G4Seg', matching=dict(neighbours=3))", "unexpected keyword argument 'neighbours'"),
        ("dict(type='RefinerChain', refiners=[dict(type='Foo')])", 'Foo is not in the'),
    ],
)
def test_what_a_refiner_does_not_take_is_one_line(tmp_path, capsys, refiner, named):
    image, mask = write_pair(tmp_path, 'a')
    (tmp_path / 'refiner.py').write_text(f'refiner = {refiner}')
    out = tmp_path / 'out'
    arguments = [str(image), str(mask), '--class', 'cat', '--out', str(out), '--refiner', str(tmp_path / 'refiner.py')]
    assert main(['refine', *arguments]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert named in line
    assert not out.exists()


def test_g4seg_runs_from_the_command_line_with_a_class_of_several_tokens(tmp_path):
    folder = save_tiny(tmp_path / 'tiny', tiny_parts(clip=True))
    image, mask = write_pair(tmp_path, 'a')
    command = ['refine', str(image), str(mask), '--class', 'potted  zebra', '--generator', str(folder)]
    for name in ('g4seg', 'g4seg-gradient'):
        out = tmp_path / name
        assert main([*command, '--out', str(out), '--refiner', name]) == 0
        assert np.allclose(np.load(out / 'a_refined.npy').sum(0), 1, atol=1e-5)


def test_pictures_of_correspondences_are_written_where_asked(tmp_path, capsys):
    folder = save_tiny(tmp_path / 'tiny', tiny_parts(clip=True))
    image, mask = write_pair(tmp_path, 'a')
    command = ['refine', str(image), str(mask), '--class', 'cat', '--generator', str(folder), '--pictures', '--out']
    out = tmp_path / 'out'
    assert main([*command, str(out), '--refiner', 'g4seg']) == 0
    assert sorted(p.name for p in out.iterdir()) == [
        'a_correspondences.png', 'a_overlay.png', 'a_refined.npy', 'a_refined.png'
    ]  # fmt: skip
    drawn = cv2.imread(str(out / 'a_correspondences.png'))
    # Four pictures of 256 pixels in one row.
    assert drawn.shape[1] > 4 * 256 > drawn.shape[0] > 256
    assert main([*command, str(tmp_path / 'other'), '--refiner', 'g4seg-gradient']) == 2
    assert 'Expected --refiner g4seg' in capsys.readouterr().err
    assert not (tmp_path / 'other').exists()


@pytest.mark.parametrize(
    ('change', 'match'),
    [
        (dict(images='gone.png'), 'there is no'),
        (dict(masks='gone.png'), 'there is no'),
        (dict(refiner='gone.py'), 'there is no gone.py'),
        (dict(refiner='crf'), 'from g4seg, g4seg-gradient, dense-crf'),
        (dict(refiner='cascade-psp'), 'pip install segmentation-refinement'),
        (dict(name=' '), 'class names'),
        (dict(options=['--soften', '-1']), 'Expected --soften of more than 0'),
        (dict(options=['--soften', 'nan']), 'Expected --soften of more than 0'),
        # Said once, and not for each image.
        (dict(refiner='g4seg', options=['--generator', 'no/no']), 'hf download no/no'),
        (dict(refiner='g4seg', options=['--device', 'tpu']), "but got 'tpu'"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(tmp_path, capsys, change, match):
    image, mask = write_pair(tmp_path, 'a')
    images, masks = change.get('images', str(image)), change.get('masks', str(mask))
    command = ['refine', images, masks, '--class', change.get('name', 'cat'), '--out', str(tmp_path / 'out')]
    assert main([*command, '--refiner', change.get('refiner', 'dense-crf'), *change.get('options', [])]) == 2
    assert match in capsys.readouterr().err
    assert not (tmp_path / 'out').exists()


def test_folders_are_checked_before_anything_is_loaded(tmp_path, capsys):
    image, _ = write_pair(tmp_path, 'a')
    (tmp_path / 'masks' / 'a.png').unlink()
    base = ['--class', 'cat', '--refiner', 'dense-crf', '--out']
    assert main(['refine', str(tmp_path / 'images'), str(tmp_path / 'masks'), *base, str(tmp_path / 'o')]) == 2
    assert 'Expected one mask a.png or a.npy' in capsys.readouterr().err
    assert main(['refine', str(image), str(tmp_path / 'masks'), *base, str(tmp_path / 'o')]) == 2
    assert 'or two folders' in capsys.readouterr().err
    assert main(['refine', str(tmp_path / 'images'), str(tmp_path / 'masks'), *base, str(tmp_path / 'images')]) == 2
    assert 'another folder' in capsys.readouterr().err


def test_a_refiner_is_built_by_name_config_or_given():
    mine = DenseCRF()
    assert build_refiner(mine) is mine
    assert isinstance(build_refiner('g4seg', device='cpu'), G4Seg)
    with pytest.raises(ValueError, match='Expected the `type` of a refiner'):
        build_refiner(dict(type='NoSuch'))
