"""The train and test tools end to end on a tiny random generator."""

from __future__ import annotations

import json
import os
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from tests.tools.tiny_training import picture, tool, write_config

pytestmark = pytest.mark.filterwarnings('ignore::UserWarning')


def run_test(world: Path, name: str, *options: str) -> dict:
    """Test the last checkpoint under a config name of its own and return the scores."""
    config, results = write_config(world, name), world / name
    assert tool('test').main([str(config), str(world / 'work'), '--work-dir', str(results), *options]) == 0
    (scores,) = results.glob('*/*.json')
    return json.loads(scores.read_text())


def test_a_checkpoint_holds_the_decoder_only(world):
    path = world / 'work' / 'iter_2.pth'
    state = torch.load(path, map_location='cpu', weights_only=True)['state_dict']
    assert state
    assert all(key.startswith('decode_head.') for key in state)
    assert path.stat().st_size < 200_000


def test_testing_gives_the_saliency_metrics(world):
    scores = run_test(world, 'plain')
    assert {'sal/Acc', 'sal/IoU', 'sal/maxF'} <= set(scores)
    assert all(0 <= scores[name] <= 1 for name in ('sal/Acc', 'sal/IoU', 'sal/maxF'))


def test_out_writes_the_label_maps_that_the_metric_saw(world, tmp_path):
    scores = run_test(world, 'with_out', '--out', str(tmp_path))
    overlaps = []
    for i in range(3):
        predicted = cv2.imread(str(tmp_path / f'p{i}.png'), cv2.IMREAD_UNCHANGED)
        truth = picture(i)[1] > 0
        assert predicted.shape == truth.shape
        assert set(np.unique(predicted)) <= {0, 1}
        union = (predicted > 0) | truth
        overlaps.append(((predicted > 0) & truth).sum() / union.sum())
    assert scores['sal/IoU'] == pytest.approx(np.mean(overlaps), abs=1e-4)


def test_pictures_need_no_training_set(world, tmp_path):
    options = ['--show-dir', str(tmp_path), '--cfg-options', f'train_dataloader.dataset.data_root={tmp_path}/none']
    run_test(world, 'without_training_set', *options)
    assert len(list(tmp_path.rglob('*.png'))) == 3


def test_test_time_augmentation_and_pictures_run(world, tmp_path):
    scores = run_test(world, 'with_tta', '--tta', '--show-dir', str(tmp_path))
    assert 0 <= scores['sal/IoU'] <= 1
    assert len(list(tmp_path.rglob('*.png'))) == 3


def test_resume_goes_on_from_the_last_checkpoint(world):
    config = write_config(world, 'resumed')
    options = ['--resume', '--cfg-options', 'train_cfg.max_iters=3']
    before = (world / 'work' / 'iter_2.pth').read_bytes()
    assert tool('train').main([str(config), *options]) == 0
    assert (world / 'work' / 'iter_2.pth').read_bytes() == before
    state = torch.load(world / 'work' / 'iter_3.pth', map_location='cpu', weights_only=True)
    assert state['meta']['iter'] == 3
    steps = {int(value['step']) for value in state['optimizer']['state'].values()}
    assert steps == {3}


def test_a_checkpoint_that_would_run_code_is_refused(world, tmp_path, capsys):
    class Harm:
        def __reduce__(self):
            return os.system, (f'touch {tmp_path}/harm',)

    path = tmp_path / 'harm.pth'
    torch.save({'state_dict': Harm()}, path)
    config = write_config(world, 'harmed')
    assert tool('test').main([str(config), str(path)]) == 2
    assert 'harm.pth' in capsys.readouterr().err
    assert not (tmp_path / 'harm').exists()
