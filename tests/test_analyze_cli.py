import json

import cv2
import numpy as np
import pytest

from mmseg_gen.cli.analyze import set_names
from mmseg_gen.cli.main import main
from mmseg_gen.errors import UserError


def write_set(root, tops, images='images', masks='masks'):
    for name in (images, masks):
        (root / name).mkdir(parents=True)
    for index, top in enumerate(tops):
        mask = np.zeros((24, 30), np.uint8)
        mask[top : top + 6, 4:14] = 255
        cv2.imwrite(str(root / images / f'{index}.png'), np.full((24, 30, 3), 50, np.uint8))
        cv2.imwrite(str(root / masks / f'{index}.png'), mask)
    return root


def test_two_sets_are_compared_in_one_file(tmp_path, capsys):
    first = write_set(tmp_path / 'real', [0, 2], 'photos', 'truth')
    second = write_set(tmp_path / 'made', [10, 14, 18])
    out = tmp_path / 'results' / 'here'
    call = [
        'analyze',
        str(first),
        '--images',
        'photos',
        '--masks',
        'truth',
        '--compare',
        str(second),
        '--out',
        str(out),
    ]
    assert main(call) == 0
    found = json.loads((out / 'statistics.json').read_text())['sets']
    assert [(s['name'], s['masks']) for s in found] == [('real', 2), ('made', 3)]
    assert found[0]['center']['y'] == pytest.approx((3 + 5) / 2 / 24)
    assert found[1]['center']['y'] == pytest.approx((13 + 17 + 21) / 3 / 24)
    assert found[0]['object_size']['mean'] == 60 / 720
    assert len(list(out.glob('*.png'))) == 7
    table = capsys.readouterr().out
    assert '0.083' in table
    assert 'statistics.json and 7 plots' in table

    assert main(call) == 2
    assert '--overwrite' in capsys.readouterr().err
    assert main([*call, '--overwrite']) == 0


def test_results_go_to_the_work_directory_by_default(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_set(tmp_path / 'mine', [3])
    assert main(['analyze', 'mine']) == 0
    assert (tmp_path / 'work_dirs' / 'analysis' / 'mine' / 'statistics.json').is_file()


def test_files_that_are_left_out_give_status_1(tmp_path, capsys):
    root = write_set(tmp_path / 'mine', [3, 5])
    (root / 'masks' / '1.png').write_bytes(b'no picture')
    assert main(['analyze', str(root), '--out', str(tmp_path / 'out')]) == 1
    assert 'left out: ' in capsys.readouterr().err
    assert (tmp_path / 'out' / 'statistics.json').is_file()


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (['gone'], 'there is none at gone'),
        (['mine', '--masks', 'truth'], 'a folder mine/truth'),
        (['mine', '--compare', 'mine'], 'different data sets'),
        (['mine', '--pairs', '0'], '--pairs of at least 1'),
    ],
)
def test_wrong_calls_are_one_line_and_leave_nothing(tmp_path, monkeypatch, capsys, arguments, message):
    monkeypatch.chdir(tmp_path)
    write_set(tmp_path / 'mine', [3])
    assert main(['analyze', *arguments]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count('\n') == 1
    assert not (tmp_path / 'work_dirs').exists()


def test_names_of_sets_are_told_apart(tmp_path):
    roots = [tmp_path / name for name in ('a/train', 'b/train', 'c')]
    for root in roots:
        root.mkdir(parents=True)
    assert set_names(roots) == ['a/train', 'b/train', 'c']
    with pytest.raises(UserError, match='different data sets'):
        set_names([roots[0], roots[0]])


def test_label_maps_with_ignored_pixels_are_known_by_the_set(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    root = write_set(tmp_path / 'made', [3])
    mask = np.full((24, 30), 255, np.uint8)
    mask[:, :12], mask[:, 12:20] = 0, 3
    cv2.imwrite(str(root / 'masks/0.png'), mask)
    assert main(['analyze', 'made', '--out', 'unknown']) == 2
    settings = {'objects': [1, 2], 'classes': ['cat', 'dog', 'bird']}
    (root / 'meta.json').write_text(json.dumps({'format': 1, 'settings': settings}))
    assert main(['analyze', 'made']) == 0
    (found,) = json.loads((tmp_path / 'work_dirs/analysis/made/statistics.json').read_text())['sets']
    assert found['object_size']['mean'] == pytest.approx(8 / 30)
