"""RefinementHook in the test tools, as a user types it, against the refiner applied by hand."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope

import mmseg_gen.components  # noqa: F401
from mmseg_gen.datasets.image_reading import read_image
from mmseg_gen.engine.hooks import RefinementHook
from mmseg_gen.refiners import DenseCRF
from mmseg_gen.registry import MODELS

pytestmark = pytest.mark.filterwarnings('ignore::UserWarning')
ROOT = Path(__file__).resolve().parents[3]
TYPED = ['default_hooks.refine.type=RefinementHook', 'default_hooks.refine.refiner.type=DenseCRF']
SIZES = [(32, 48), (48, 32)]
CONFIG = """
_base_ = ['{root}/configs/embedded_unet.py']
data_preprocessor = dict(size=None, size_divisor=16, test_cfg=None)
model = dict(
    data_preprocessor=data_preprocessor,
    backbone=dict(base_channels=4),
    decode_head=dict(in_channels=4, channels=4),
)
test_dataloader = dict(batch_size=1, dataset=dict(data_root='{folder}/DUTS'))
"""


def write_config(folder: Path, name: str, more: str = '') -> Path:
    path = folder / f'{name}.py'
    path.write_text(CONFIG.format(root=ROOT, folder=folder, name=name) + more)
    return path


@pytest.fixture(scope='module')
def world(tmp_path_factory) -> Path:
    """A folder with two photographs, one wide and one high, and random weights of a small U-Net."""
    folder = tmp_path_factory.mktemp('refinement')
    for kind in ('Image', 'Mask'):
        (folder / 'DUTS' / 'DUTS-TE' / f'DUTS-TE-{kind}').mkdir(parents=True)
    rng = np.random.default_rng(0)
    for i, size in enumerate(SIZES):
        image = cv2.resize(rng.integers(0, 255, (6, 6, 3), dtype=np.uint8), size[::-1])
        cv2.imwrite(str(folder / 'DUTS' / 'DUTS-TE' / 'DUTS-TE-Image' / f'p{i}.png'), image)
        mask = (image.mean(-1) > 120).astype(np.uint8) * 255
        cv2.imwrite(str(folder / 'DUTS' / 'DUTS-TE' / 'DUTS-TE-Mask' / f'p{i}.png'), mask)
    torch.manual_seed(0)
    with DefaultScope.overwrite_default_scope('mmseg'):
        model = MODELS.build(Config.fromfile(write_config(folder, 'built')).model)
    # Far enough from one half that both classes occur.
    model.decode_head.conv_seg.weight.data.mul_(50)
    torch.save(
        {'meta': {'dataset_meta': {'classes': ('background', 'foreground')}}, 'state_dict': model.state_dict()},
        folder / 'weights.pth',
    )
    return folder


def run_tool(world: Path, name: str, *options: str, more: str = '') -> list[np.ndarray]:
    """Test with our tool and return the label maps that the metrics saw."""
    spec = importlib.util.spec_from_file_location('tool_test', ROOT / 'tools' / 'test.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    config, out = write_config(world, name, more), world / f'{name}_out'
    arguments = [str(config), str(world / 'weights.pth'), '--work-dir', str(world / name), '--out', str(out)]
    assert module.main([*arguments, *options]) == 0
    return read_labels(out)


def read_labels(folder: Path) -> list[np.ndarray]:
    return [cv2.imread(str(folder / f'p{i}.png'), cv2.IMREAD_UNCHANGED) for i in range(len(SIZES))]


def images(world: Path) -> list[Path]:
    return [world / 'DUTS' / 'DUTS-TE' / 'DUTS-TE-Image' / f'p{i}.png' for i in range(len(SIZES))]


def refined_by_hand(world: Path) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Return labels before and after, without any hook: MMSeg's inference API, softmax, the refiner, argmax."""
    from mmseg.apis import inference_model, init_model

    config = Config.fromfile(write_config(world, 'by_hand'))
    config.test_pipeline = [dict(type='LoadImageFromFile'), dict(type='PackSegInputs')]
    model = init_model(config, str(world / 'weights.pth'), device='cpu')
    before, after = [], []
    for path in images(world):
        probabilities = inference_model(model, str(path)).seg_logits.data.softmax(0).numpy()
        before.append(probabilities.argmax(0))
        after.append(DenseCRF()(read_image(path), probabilities, ['background', 'foreground']).argmax(0))
    return before, after


def test_our_tool_refines_as_typed(world):
    before, after = refined_by_hand(world)
    assert any((b != a).any() for b, a in zip(before, after, strict=True))
    plain = run_tool(world, 'plain')
    refined = run_tool(world, 'refined', '--cfg-options', *TYPED)
    for i, size in enumerate(SIZES):
        assert refined[i].shape == size
        assert (plain[i] == before[i]).all()
        assert (refined[i] == after[i]).all()


def test_settings_of_the_refiner_reach_it_from_the_command_line(world):
    weak = [*TYPED, 'default_hooks.refine.refiner.color_weight=0', 'default_hooks.refine.refiner.smooth_weight=0']
    before, _ = refined_by_hand(world)
    assert all((a == b).all() for a, b in zip(run_tool(world, 'weak', '--cfg-options', *weak), before, strict=True))


def test_augmented_predictions_are_refined_after_merging_with_either_wrapper(world):
    plain = run_tool(world, 'tta_plain', '--tta')
    ours = run_tool(world, 'tta_ours', '--tta', '--cfg-options', *TYPED)
    stock = run_tool(world, 'tta_stock', '--tta', '--cfg-options', *TYPED, 'tta_model.type=SegTTAModel')
    assert any((p != o).any() for p, o in zip(plain, ours, strict=True))
    assert all((o == s).all() for o, s in zip(ours, stock, strict=True))


@pytest.mark.parametrize('arrays', [False, True])
def test_the_inference_api_refines_with_the_mixin(world, arrays):
    from mmseg.apis import inference_model, init_model

    config = Config.fromfile(write_config(world, 'mixin'))
    config.test_pipeline = [dict(type='LoadImageFromFile'), dict(type='PackSegInputs')]
    config.model.update(type='RefinedEncoderDecoder', refiner=dict(type='DenseCRF'))
    model = init_model(config, str(world / 'weights.pth'), device='cpu')
    model.dataset_meta = dict(classes=('background', 'foreground'))
    _, after = refined_by_hand(world)
    for path, expected in zip(images(world), after, strict=True):
        found = inference_model(model, cv2.imread(str(path)) if arrays else str(path))
        assert (found.pred_sem_seg.data[0].numpy() == expected).all()
        assert torch.allclose(found.seg_logits.data.exp().sum(0), torch.ones(expected.shape), atol=1e-4)


def test_data_without_class_names_are_refused(world):
    from mmseg.apis import inference_model, init_model

    config = Config.fromfile(write_config(world, 'nameless'))
    config.test_pipeline = [dict(type='LoadImageFromFile'), dict(type='PackSegInputs')]
    config.model.update(type='RefinedEncoderDecoder', refiner=dict(type='DenseCRF'))
    model = init_model(config, str(world / 'weights.pth'), device='cpu')
    model.dataset_meta = {}
    with pytest.raises(ValueError, match='Expected the names of the classes'):
        inference_model(model, str(images(world)[0]))


class Model(torch.nn.Module):
    def test_step(self, data):
        raise ValueError('stopped')

    val_step = test_step


class Runner:
    """What the hook reads of a runner."""

    def __init__(self) -> None:
        self.model = Model()
        dataset = type('Set', (), {'metainfo': {'classes': ('background', 'cat')}})()
        loop = type('Loop', (), {'dataloader': type('Loader', (), {'dataset': dataset})()})()
        self.test_loop = self.val_loop = loop


def test_the_model_is_as_before_after_a_run_and_after_one_that_failed():
    runner, hook = Runner(), RefinementHook(DenseCRF(), on_val=True)
    for begin, end, name in (
        (hook.before_test, hook.after_test, 'test_step'),
        (hook.before_val, hook.after_val, 'val_step'),
    ):
        begin(runner)
        assert name in vars(runner.model)
        with pytest.raises(ValueError, match='stopped'):
            getattr(runner.model, name)(None)
        # A run that failed never reached its end: the next one must not refine twice.
        begin(runner)
        end(runner)
        assert name not in vars(runner.model)


def test_validation_is_left_alone_unless_asked():
    runner, hook = Runner(), RefinementHook(dict(type='DenseCRF'))
    hook.before_val(runner)
    assert 'val_step' not in vars(runner.model)
    hook.after_val(runner)


@pytest.mark.slow
def test_mmsegs_own_tool_refines_as_typed(world):
    import mmseg

    stock = Path(mmseg.__file__).parent / '.mim' / 'tools' / 'test.py'
    out = world / 'stock_out'
    more = f"\ntest_evaluator = dict(type='IoUMetric', format_only=True, output_dir='{out}')\n"
    config = write_config(world, 'stock', more.replace('dict(type', 'dict(_delete_=True, type'))
    command = [sys.executable, str(stock), str(config), str(world / 'weights.pth'), '--work-dir', str(world / 'stock')]
    subprocess.run(
        [*command, '--cfg-options', *TYPED], check=True, cwd=ROOT, env={**os.environ, 'PYTHONPATH': str(ROOT)}
    )
    _, after = refined_by_hand(world)
    assert all((a == b).all() for a, b in zip(read_labels(out), after, strict=True))


# MMEngine's own start of a process group asks for a GPU.
DRIVER = """
import importlib.util, sys
import torch
torch.distributed.init_process_group('gloo')
spec = importlib.util.spec_from_file_location('tool_test', sys.argv[1])
tool = importlib.util.module_from_spec(spec)
spec.loader.exec_module(tool)
sys.exit(tool.main(sys.argv[2:]))
"""


@pytest.mark.slow
def test_two_processes_refine_what_one_does(world):
    out, config, driver = world / 'two_out', write_config(world, 'two'), world / 'driver.py'
    driver.write_text(DRIVER)
    command = [sys.executable, '-m', 'torch.distributed.run', '--nproc_per_node=2', '--master_port=29571', str(driver)]
    command += [str(ROOT / 'tools' / 'test.py'), str(config), str(world / 'weights.pth'), '--launcher', 'pytorch']
    command += ['--work-dir', str(world / 'two'), '--out', str(out), '--cfg-options', *TYPED]
    command += ['model_wrapper_cfg.type=MMDistributedDataParallel', 'model_wrapper_cfg.device_ids=None']
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, 'PYTHONPATH': str(ROOT)}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    _, after = refined_by_hand(world)
    assert all((a == b).all() for a, b in zip(read_labels(out), after, strict=True))
