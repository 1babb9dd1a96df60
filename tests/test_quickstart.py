"""The main job in small, on the weights that ship with the package."""

import json

import cv2
import pytest

from mmseg_gen.cli.main import main
from mmseg_gen.generators.sources import embedded_folder

pytestmark = pytest.mark.skipif(not (embedded_folder() / 'unet').is_dir(), reason='the embedded weights are not there')


def test_quickstart_writes_scores_and_pictures(tmp_path, monkeypatch):
    folder = tmp_path / 'run'
    assert (
        main(['quickstart', '--work-dir', str(folder), '--num-samples', '8', '--num-scenes', '10', '--iterations', '2'])
        == 0
    )
    summary = json.loads((folder / 'summary.json').read_text())
    trained = {'unet_on_synthetic', 'diffusionseg', 'unet_on_synthetic_alone', 'diffusionseg_alone'}
    assert set(summary['iou']) == {'threshold', 'kmeans', 'ncut', 'crf', 'attention_cut', *trained}
    assert all(0 <= v <= 1 for v in summary['iou'].values())
    assert all(
        summary['iou'][name] != summary['iou'][f'{name}_alone'] for name in ('unet_on_synthetic', 'diffusionseg')
    )
    assert summary['n_scenes'] == 10
    assert 0 < summary['n_synthetic'] <= 8
    assert summary['attention_auc'] > 0.5
    assert cv2.imread(str(folder / 'sheet.png')) is not None
    for name, (low, high) in summary['iou_ci95'].items():
        assert low <= summary['iou'][name] <= high


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (['--num-samples', '0'], '--num-samples of at least 1, but got 0'),
        (['--num-scenes', '-1'], '--num-scenes of at least 1, but got -1'),
        (['--iterations', '0'], '--iterations of at least 1, but got 0'),
        (['--config', 'gone.py'], 'there is no gone.py'),
        (['--unet-config', 'gone.py'], 'there is no gone.py'),
        (['--config', 'configs/_base_/models/unet.py'], 'to have a key `synthesis`'),
    ],
)
def test_wrong_arguments_are_refused_before_anything_is_made(tmp_path, capsys, arguments, message):
    assert main(['quickstart', '--work-dir', str(tmp_path / 'run'), *arguments]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / 'run').exists()
