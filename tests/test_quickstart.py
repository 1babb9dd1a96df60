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
    methods = {'threshold', 'kmeans', 'ncut', 'crf', 'attention_cut', 'unet_on_synthetic', 'diffusionseg'}
    assert set(summary['iou']) == methods
    assert all(0 <= v <= 1 for v in summary['iou'].values())
    assert summary['n_scenes'] == 10
    assert 0 < summary['n_synthetic'] <= 8
    assert summary['attention_auc'] > 0.5
    assert cv2.imread(str(folder / 'sheet.png')) is not None
    for name, (low, high) in summary['iou_ci95'].items():
        assert low <= summary['iou'][name] <= high
