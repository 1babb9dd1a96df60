"""A fine-tuning is a plain loop, whatever interrupts it, and its export is a model like any other."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from mmseg_gen.datasets import ConceptDataset
from mmseg_gen.datasets.concept import SAMPLE_OUTCOMES
from mmseg_gen.engine.distillation import distill
from mmseg_gen.errors import UserError
from mmseg_gen.generators.parts import load_parts
from mmseg_gen.models import ConceptDistiller
from tests.engine.concept_run import distillation_config, write_preliminary
from tests.tiny_models import save_tiny

PROGRAM = Path(__file__).with_name('distillation_program.py')
UNET = Path('unet') / 'diffusion_pytorch_model.safetensors'


@pytest.fixture(scope='module')
def world(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp('world')
    save_tiny(folder / 'model')
    write_preliminary(folder)
    return folder


def config_in(world: Path, work_dir: Path, **changes):
    return distillation_config(world, work_dir, str(world / 'model'), **changes)


@pytest.fixture(scope='module')
def undisturbed(world) -> Path:
    config = config_in(world, world / 'run')
    before = config.to_dict()
    folder = distill(config)
    assert config.to_dict() == before
    return folder


def numbered_samples(world: Path) -> ConceptDataset:
    return ConceptDataset(str(world / 'preliminary'), str(world), canvas=(16, 16), cell=2, fit='crop')


def plain_loop(world: Path, iterations: int, size: int) -> dict[str, torch.Tensor]:
    """Return the averaged weights of the same training without MMEngine."""
    model = ConceptDistiller(load_parts(world / 'model')).train()
    samples = numbered_samples(world)
    optimizer = torch.optim.AdamW(model.parameters(), 1e-3)
    warm_up = torch.optim.lr_scheduler.LinearLR(optimizer, 0.1, total_iters=4)
    average = None
    for i in range(iterations):
        batch = torch.utils.data.default_collate([samples[n] for n in range(i * size, (i + 1) * size)])
        optimizer.zero_grad()
        model(**batch)['loss'].backward()
        optimizer.step()
        warm_up.step()
        weights = {name: value.detach().clone() for name, value in model.unet.named_parameters()}
        share = max(0.1, 2 / (2 + i))
        average = weights if average is None else {
            name: (1 - share) * average[name] + share * value for name, value in weights.items()
        }  # fmt: skip
    return average


def same_weights(first: Path, second: Path) -> bool:
    ours, theirs = load_file(first / UNET), load_file(second / UNET)
    return ours.keys() == theirs.keys() and all(torch.equal(theirs[name], value) for name, value in ours.items())


def test_the_exported_unet_is_that_of_a_plain_loop(world, undisturbed):
    stored = load_file(undisturbed / UNET)
    expected = plain_loop(world, 6, 4)
    assert stored.keys() == expected.keys()
    for name, value in expected.items():
        torch.testing.assert_close(stored[name], value, rtol=1e-4, atol=2e-5)
    origin = load_parts(world / 'model').unet.state_dict()
    assert not torch.allclose(stored['conv_in.weight'], origin['conv_in.weight'], atol=1e-4)


def test_the_other_parts_are_those_of_the_generator(world, undisturbed):
    ours, theirs = load_parts(undisturbed), load_parts(world / 'model')
    for name in ('vae', 'text_encoder'):
        expected = getattr(theirs, name).state_dict()
        assert all(torch.equal(v, expected[k]) for k, v in getattr(ours, name).state_dict().items())
    assert ours.clip is not None
    assert ours.scheduler.config.beta_end == theirs.scheduler.config.beta_end


def test_the_report_counts_photos_and_samples(world, undisturbed):
    report = json.loads((undisturbed / 'distilled.json').read_text())
    samples = numbered_samples(world)
    counts = Counter(SAMPLE_OUTCOMES[samples[n]['outcomes']] for n in range(24))
    assert report == dict(iterations=6, photos={'found': 5}, samples={name: counts[name] for name in SAMPLE_OUTCOMES})


@pytest.fixture(scope='module')
def forked(world) -> list[int]:
    """Exit statuses of a run in ``killed`` that is killed after iteration 5, and of two processes in ``shared``."""
    configs = {
        'killed': config_in(world, world / 'killed'),
        'shared': config_in(world, world / 'shared', **{'train_dataloader.batch_size': 2, 'launcher': 'pytorch'}),
    }
    for name, config in configs.items():
        config.dump(world / f'{name}.py')
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        port = free.getsockname()[1]
    program = [sys.executable, str(PROGRAM), str(world / 'killed.py'), '5', str(world / 'shared.py'), str(port)]
    done = subprocess.run(program, capture_output=True, text=True, check=False, cwd=PROGRAM.parents[2], timeout=900)
    statuses = [line for line in done.stdout.splitlines() if line.startswith('statuses')]
    assert statuses, done.stderr
    return [int(word) for word in statuses[-1].split()[1:]]


def test_a_killed_run_ends_with_the_weights_of_an_undisturbed_one(world, undisturbed, forked):
    assert forked[0] == -signal.SIGKILL
    work = world / 'killed' / 'distilled'
    assert (work / 'iter_4.pth').is_file()
    assert not (work / 'generator').exists()
    # What a kill while exporting leaves behind.
    (work / '.partial-generator' / 'unet').mkdir(parents=True)
    (work / '.partial-generator' / 'unet' / 'config.json').write_text('{')
    folder = distill(config_in(world, world / 'killed'))
    assert same_weights(folder, undisturbed)
    assert (folder / 'distilled.json').read_text() == (undisturbed / 'distilled.json').read_text()
    assert not (work / '.partial-generator').exists()


def test_two_processes_with_half_the_batch_are_one(world, undisturbed, forked):
    assert forked[1:] == [0, 0]
    folder = world / 'shared' / 'distilled' / 'generator'
    ours, theirs = load_file(folder / UNET), load_file(undisturbed / UNET)
    for name, value in theirs.items():
        torch.testing.assert_close(ours[name], value, rtol=1e-4, atol=2e-5)
    assert (folder / 'distilled.json').read_text() == (undisturbed / 'distilled.json').read_text()


def test_what_is_finished_is_not_done_again(world, undisturbed, monkeypatch):
    config = config_in(world, world / 'run')
    monkeypatch.setattr('mmengine.runner.Runner.from_cfg', None)
    assert distill(config) == undisturbed


def test_a_lost_export_is_made_from_the_checkpoint(world, tmp_path):
    config = config_in(world, tmp_path, **{'train_cfg.max_iters': 2})
    folder = distill(config)
    folder.rename(tmp_path / 'first')
    checkpoint = tmp_path / 'distilled' / 'iter_2.pth'
    before = checkpoint.stat().st_mtime_ns
    assert same_weights(distill(config), tmp_path / 'first')
    assert checkpoint.stat().st_mtime_ns == before


def test_a_prolonged_training_keeps_the_earlier_export(world, undisturbed, tmp_path):
    short = distill(config_in(world, tmp_path, **{'train_cfg.max_iters': 4, 'export_dtype': 'float16'}))
    first = load_file(short / UNET)
    assert {value.dtype for value in first.values()} == {torch.float16}
    long = distill(config_in(world, tmp_path))
    assert same_weights(long, undisturbed)
    kept = load_file(tmp_path / 'distilled' / 'generator_4' / UNET)
    assert all(torch.equal(kept[name], value) for name, value in first.items())


def test_another_training_in_the_same_folder_is_refused(world, undisturbed, tmp_path):
    with pytest.raises(UserError, match=r'no earlier training in .*iter_6.pth; go on with it by --resume'):
        distill(config_in(world, world / 'run'), resume=False)
    for changes, name in (
        ({'optim_wrapper.optimizer.lr': 1.0}, '`optim_wrapper.optimizer.lr`'),
        ({'train_dataloader.batch_size': 2}, '`batch_size`'),
        ({'train_dataloader.dataset.flip': 0.0}, '`dataset.flip`'),
    ):
        with pytest.raises(UserError, match=f'but {name} changed since; choose another --work-dir'):
            distill(config_in(world, world / 'run', **changes))


def test_other_masks_in_the_same_folder_are_refused(world, tmp_path):
    write_preliminary(tmp_path)
    config = config_in(tmp_path, tmp_path, **{'model.generator': str(world / 'model'), 'train_cfg.max_iters': 2})
    distill(config)
    cv2.imwrite(str(tmp_path / 'preliminary' / 'masks' / 'p0.png'), np.eye(20, 30, dtype=np.uint8))
    with pytest.raises(UserError, match='but the preliminary masks changed since'):
        distill(config)


def test_adapters_are_merged_in_the_export(world, tmp_path):
    pytest.importorskip('peft')
    folder = distill(config_in(world, tmp_path, **{'model.lora': dict(rank=2), 'train_cfg.max_iters': 4}))
    stored, origin = load_file(folder / UNET), load_parts(world / 'model').unet.state_dict()
    assert stored.keys() == origin.keys()
    changed = {name for name, value in stored.items() if not torch.equal(value, origin[name])}
    assert changed
    assert all('.attn' in name for name in changed)


def test_wrong_settings_are_named(world, tmp_path):
    for changes, text in (
        ({'export_dtype': 'bfloat16'}, "`export_dtype` from float32, float16, but got 'bfloat16'"),
        ({'optim_wrapper.accumulative_counts': 3}, '`default_hooks.checkpoint.interval` to be a multiple of'),
        ({'train_cfg': None}, 'but it lacks train_cfg; see configs/fobadiffusion_cub.py'),
        ({'train_dataloader.dataset.preliminary': str(tmp_path)}, 'there is no manifest.jsonl'),
        ({'train_dataloader.sampler.type': 'DrawSampleer'}, 'DrawSampleer is not in the'),
    ):
        with pytest.raises(UserError, match=text):
            distill(config_in(world, tmp_path / 'wrong', **changes))
