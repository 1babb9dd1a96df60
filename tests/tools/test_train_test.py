"""The train and test tools end to end on a tiny random generator, and what they say of missing things."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config

from mmseg_gen.engine.progress import Worker
from mmseg_gen.engine.prompting import plan_run
from mmseg_gen.engine.settings import SynthesisSettings
from mmseg_gen.functional.manifest import Entry, entry_to_line
from tests.tiny_models import save_tiny, tiny_parts

pytestmark = pytest.mark.filterwarnings('ignore::UserWarning')
ROOT = Path(__file__).resolve().parents[2]
SIDE = 16
TINY = """
_base_ = ['{root}/configs/embedded_diffusionseg.py']
work_dir = '{folder}/work'
synthesis = dict(output='{folder}/synthetic', num_samples=4)
train_dataloader = dict(batch_size=2, dataset=dict(data_root='{folder}/synthetic'))
test_dataloader = dict(batch_size=1, dataset=dict(data_root='{folder}/DUTS'))
data_preprocessor = dict(size=({side}, {side}))
model = dict(
    data_preprocessor=data_preprocessor,
    backbone=dict(
        generator='{folder}/tiny', steps=1, blocks='encoder', prior=dict(_delete_=True, classes=['cat', 'dog'])
    ),
    decode_head=dict(in_channels=[16, 32], widths=(8, 4)),
)
train_cfg = dict(max_iters=2, val_interval=2)
default_hooks = dict(checkpoint=dict(interval=1, max_keep_ckpts=3), logger=dict(interval=1))
"""


def tool(name: str):
    spec = importlib.util.spec_from_file_location(f'tool_{name}', ROOT / 'tools' / f'{name}.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def picture(index: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(index)
    mask = np.zeros((SIDE, SIDE), np.uint8)
    mask[4 : 8 + index, 3:12] = 255
    image = rng.integers(0, 255, (SIDE, SIDE, 3), dtype=np.uint8)
    image[mask > 0] = 200
    return image, mask


def write_duts(root: Path, count: int = 3) -> None:
    for kind in ('Image', 'Mask'):
        (root / 'DUTS-TE' / f'DUTS-TE-{kind}').mkdir(parents=True)
    for i in range(count):
        image, mask = picture(i)
        cv2.imwrite(str(root / 'DUTS-TE' / 'DUTS-TE-Image' / f'p{i}.png'), image)
        cv2.imwrite(str(root / 'DUTS-TE' / 'DUTS-TE-Mask' / f'p{i}.png'), mask)


def write_synthetic(root: Path, count: int = 4) -> None:
    lines = []
    for i in range(count):
        files = {}
        for kind, array in zip(('image', 'mask'), picture(i), strict=True):
            path = root / f'{kind}s' / f'{i:06d}_cat.png'
            path.parent.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(path), array)
            files[kind] = (str(path.relative_to(root)), path.stat().st_size)
        measures = dict(area=0.2, uncertainty=0.1)
        lines.append(entry_to_line(Entry(i, f'{i:06d}_cat', 'cat', 'a cat', i, files=files, measures=measures)))
    (root / 'manifest.jsonl').write_text(''.join(lines))


def write_config(folder: Path, name: str) -> Path:
    path = folder / f'{name}.py'
    path.write_text(TINY.format(root=ROOT, folder=folder, name=name, side=SIDE))
    return path


@pytest.fixture(scope='module')
def world(tmp_path_factory) -> Path:
    """A folder with a tiny generator, a synthetic set, DUTS, and a config trained for two iterations."""
    folder = tmp_path_factory.mktemp('world')
    save_tiny(folder / 'tiny', tiny_parts(clip=True))
    write_synthetic(folder / 'synthetic')
    write_duts(folder / 'DUTS')
    config = write_config(folder, 'tiny_config')
    assert tool('train').main([str(config)]) == 0
    return folder


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


def test_out_in_the_data_set_would_replace_its_files_and_is_refused(world, capsys):
    image = world / 'DUTS' / 'DUTS-TE' / 'DUTS-TE-Image' / 'p0.png'
    before = image.read_bytes()
    config = write_config(world, 'out_in_data')
    for folder in (world / 'DUTS', image.parent):
        assert 'outside the data set' in fails(capsys, 'test', config, world / 'work', '--out', folder)
    assert image.read_bytes() == before


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


def fails(capsys, name: str, *arguments: object) -> str:
    """Run a tool that must fail and return its one line on stderr."""
    capsys.readouterr()
    assert tool(name).main([str(argument) for argument in arguments]) == 2
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith(f'{name}.py: error:')]
    assert len(lines) == 1
    return lines[0]


def test_a_missing_synthetic_set_names_the_command_that_makes_it(world, capsys):
    config = write_config(world, 'no_set')
    gone = ['--cfg-options', 'synthesis.output=gone', 'train_dataloader.dataset.data_root=gone']
    message = fails(capsys, 'train', config, *gone)
    assert f'`python tools/synthesize.py {config}`' in message
    assert '--synthesize' in message


def test_synthesize_makes_the_missing_set_first(world, tmp_path, monkeypatch):
    from mmseg_gen.engine import synthesis

    root, workers = tmp_path / 'made', []

    def made(cfg, worker):
        workers.append(worker)
        write_synthetic(Path(cfg.synthesis.output))

    monkeypatch.setattr(synthesis, 'synthesize', made)
    options = [
        f'synthesis.output={root}',
        f'train_dataloader.dataset.data_root={root}',
        'train_cfg.max_iters=1',
    ]
    arguments = ['--synthesize', '--work-dir', str(tmp_path / 'work'), '--cfg-options', *options]
    assert tool('train').main([str(write_config(world, 'made')), *arguments]) == 0
    assert (tmp_path / 'work' / 'iter_1.pth').is_file()
    assert workers == [Worker()]


def test_synthesize_into_another_folder_than_the_training_reads_is_refused(world, tmp_path, capsys):
    config, options = write_config(world, 'elsewhere'), ['--synthesize', '--work-dir', tmp_path / 'work']
    message = fails(capsys, 'train', config, *options, '--cfg-options', f'synthesis.output={tmp_path}/made')
    assert f'`synthesis.output` = {tmp_path}/made for --synthesize, but got {world}/synthetic' in message
    assert 'synthesis.output` = None' in fails(capsys, 'train', config, *options, '--cfg-options', 'synthesis=None')
    assert list(tmp_path.iterdir()) == []


def test_synthesize_does_not_take_a_set_of_other_settings_for_the_one_asked_for(world, tmp_path, capsys):
    root = tmp_path / 'set'
    write_synthetic(root)
    config = write_config(world, 'other_settings')
    paths = [f'synthesis.output={root}', f'train_dataloader.dataset.data_root={root}']
    settings = SynthesisSettings.from_dict(Config.fromfile(config).synthesis)
    settings = {**settings.identity(), **plan_run(settings).identity}
    (root / 'meta.json').write_text(json.dumps({'format': 1, 'settings': settings}))
    options = ['--synthesize', '--work-dir', str(tmp_path / 'work'), '--cfg-options', *paths, 'train_cfg.max_iters=1']
    assert tool('train').main([str(config), *options]) == 0
    message = fails(capsys, 'train', config, *options, 'synthesis.guidance=7.5')
    assert f'Expected `synthesis.guidance` = 3.0, with which {root} was made, but got 7.5' in message


def test_missing_validation_data_are_named_with_the_cure(world, tmp_path, capsys):
    config = write_config(world, 'no_validation_data')
    loader = "dict(_delete_=True, dataset=dict(type='DUTSDataset', data_root='gone/val', split='test'))"
    config.write_text(f'{config.read_text()}\nval_dataloader = {loader}\n')
    message = fails(capsys, 'train', config, '--work-dir', tmp_path)
    assert '`val_dataloader` (DUTSDataset) in gone/val' in message
    assert 'set `val_dataloader`, `val_evaluator` and `val_cfg` to None' in message


def test_missing_test_data_are_named_with_the_cure(world, capsys):
    config = write_config(world, 'no_data')
    gone = ['--cfg-options', 'test_dataloader.dataset.data_root=gone/DUTS']
    assert 'in gone/DUTS' in fails(capsys, 'test', config, world / 'work', *gone)


def test_a_missing_checkpoint_is_named(world, capsys):
    assert 'gone.pth' in fails(capsys, 'test', write_config(world, 'no_checkpoint'), 'gone.pth')


@pytest.mark.parametrize('options', [[], ['--tta']])
def test_a_checkpoint_of_another_model_is_refused(world, capsys, options):
    config = write_config(world, 'other_model')
    message = fails(capsys, 'test', config, world / 'work', *options, '--cfg-options', 'model.decode_head.widths=[8,6]')
    assert 'iter_' in message
    assert 'of another shape (decode_head.conv_seg.weight: (2, 4, 3, 3) instead of (2, 6, 3, 3)' in message


def test_a_missing_config_is_named(capsys):
    assert 'gone.py' in fails(capsys, 'train', 'gone.py')


def test_an_unknown_type_is_named(world, capsys):
    config = write_config(world, 'unknown')
    message = fails(capsys, 'train', config, '--cfg-options', 'model.decode_head.type=NoSuchHead')
    assert 'NoSuchHead' in message
    assert '`custom_imports`' in message


def test_a_training_without_iterations_is_refused(world, capsys):
    config = write_config(world, 'no_iterations')
    assert '`train_cfg.max_iters` of at least 1, but got -2' in fails(
        capsys, 'train', config, '--cfg-options', 'train_cfg.max_iters=-2'
    )


def test_a_misspelt_setting_is_named(world, capsys):
    config = write_config(world, 'misspelt')
    message = fails(capsys, 'train', config, '--cfg-options', 'train_cfg.max_iter=2')
    assert "unexpected keyword argument 'max_iter'" in message
    assert 'did you mean `model`?' in fails(capsys, 'train', config, '--cfg-options', 'modle.type=X')


def test_missing_weights_are_named(world, tmp_path, capsys):
    config = write_config(world, 'no_weights')
    options = ['--work-dir', tmp_path, '--cfg-options', f'model.backbone.generator={tmp_path}/none']
    assert 'none' in fails(capsys, 'train', config, *options)


@pytest.mark.skipif(torch.cuda.is_available(), reason='mixed precision works here')
def test_amp_without_a_gpu_says_so(world, capsys):
    assert 'CUDA' in fails(capsys, 'train', write_config(world, 'amp'), '--amp')


def test_missing_tta_settings_are_named(world, capsys):
    config = write_config(world, 'no_tta')
    config.write_text(config.read_text() + '\ntta_pipeline = None\n')
    assert 'tta_pipeline' in fails(capsys, 'test', config, world / 'work', '--tta')


@pytest.mark.parametrize('name', ['train', 'test'])
def test_help_lists_the_arguments_of_mmseg(name):
    command = [sys.executable, str(ROOT / 'tools' / f'{name}.py'), '--help']
    env = {**os.environ, 'PYTHONPATH': str(ROOT)}
    text = subprocess.run(command, capture_output=True, text=True, check=True, env=env).stdout
    expected = ['--work-dir', '--cfg-options', '--launcher', '--local_rank']
    expected += ['--resume', '--amp', '--synthesize'] if name == 'train' else ['--out', '--show-dir', '--tta']
    assert all(argument in text for argument in expected)
