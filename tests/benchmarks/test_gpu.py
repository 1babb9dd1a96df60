"""The GPU benchmark runs in its tiny form on a CPU, and its numbers are those of their definitions."""

from __future__ import annotations

import json
import os
import sys

import pytest
import torch
from torch import nn


@pytest.fixture(autouse=True)
def _beside_the_scripts(repository, monkeypatch):
    monkeypatch.syspath_prepend(str(repository / 'benchmarks'))


@pytest.mark.parametrize('model', ['sd15', 'sd21', 'sdxl'])
def test_every_step_runs_on_a_tiny_model(model, tmp_path, capsys):
    import gpu

    assert gpu.main(['--tiny', '--models', model, '--json', str(tmp_path / 'lines.json')]) == 0
    lines = json.loads((tmp_path / 'lines.json').read_text(encoding='utf-8'))
    assert [line['step'] for line in lines] == [
        'matmul', 'unet', 'capture', 'capture, self up to 32', 'synthesis', 'attention_cut', 'g4seg', 'g4seg-gradient',
    ]  # fmt: skip
    assert all(line['s_an_image'] > 0 for line in lines[4:])
    assert len(capsys.readouterr().out.splitlines()) == len(lines)
    # What was recorded is in float32: 16 x 16 latents and two or three coarser levels.
    assert lines[2]['sums_mb'] > 0


def test_half_precision_adds_a_line_for_the_kernels(monkeypatch):
    pytest.importorskip('triton')
    import gpu
    from random_models import build_parts

    parts, args = build_parts('sd15', 'cpu', torch.float16, tiny=True), gpu.parse(['--tiny'])
    chosen = []

    def run():
        chosen.append(os.environ.get('MMSEG_GEN_CAPTURE'))
        return torch.zeros(1)

    lines = list(gpu.unet_and_capture(parts, run, 1, 1.0, args))
    assert [line['step'] for line in lines] == ['unet', 'capture', 'capture, self up to 32', 'capture, Triton']
    assert chosen[-4:] == [None, 'torch', 'torch', 'triton']


def test_without_a_gpu_it_says_so(monkeypatch, capsys):
    import gpu

    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    assert gpu.main([]) == 2
    assert '--tiny' in capsys.readouterr().err


def test_a_step_that_does_not_fit_is_a_line_too(monkeypatch):
    import gpu
    from random_models import build_parts

    def too_large(*_):
        raise torch.OutOfMemoryError('CUDA out of memory. Tried to allocate 9 GiB.\nMore.')

    monkeypatch.setattr(gpu.DiffusionPairGenerator, 'generate', too_large)
    steps = gpu.steps(build_parts('sd15', 'cpu', torch.float32, tiny=True), 1.0, gpu.parse(['--tiny']))
    lines = {line['step']: {**line, **gpu.judged(line)} for line in steps}
    assert lines['synthesis'] == {'step': 'synthesis', 'failed': 'CUDA out of memory. Tried to allocate 9 GiB.'}
    assert lines['g4seg']['s_an_image'] > 0


def test_work_is_counted_as_two_operations_for_each_product():
    from measuring import flops

    layer, batch = nn.Linear(7, 5), torch.randn(3, 7)
    assert flops(lambda: layer(batch)) == 2 * 3 * 7 * 5
    convolution = nn.Conv2d(2, 4, 3, padding=1)
    assert flops(lambda: convolution(torch.randn(1, 2, 6, 8))) == 2 * 6 * 8 * 4 * 2 * 9


def test_aims_are_upper_bounds_but_for_shares():
    import gpu

    assert gpu.judged({'step': 'capture', 'ratio': 1.2}) == {'aim': 1.25, 'met': True}
    assert gpu.judged({'step': 'synthesis', 's_an_image': 1.0, 'share': 0.3}) == {'aim': 0.4, 'met': False}
    assert gpu.judged({'step': 'unet', 's': 1.0}) == {}


def test_version_2_1_predicts_velocities():
    import random_models

    kinds = {n: random_models.build_parts(n, 'cpu', torch.float32, tiny=True).scheduler for n in random_models.NAMES}
    assert {name: kind.config.prediction_type for name, kind in kinds.items()} == {
        'sd15': 'epsilon', 'sd21': 'v_prediction', 'sdxl': 'epsilon',
    }  # fmt: skip


def test_sizes_are_those_of_the_published_models():
    import random_models

    # Parameters of the published UNets: 860 million, 866 million, 2.57 billion.
    assert [random_models.UNETS[name]['sample_size'] * 8 for name in random_models.NAMES] == [512, 768, 1024]
    counts = {}
    for name in random_models.NAMES:
        with torch.device('meta'):
            unet = random_models.UNet2DConditionModel(in_channels=4, out_channels=4, **random_models.UNETS[name])
        counts[name] = sum(p.numel() for p in unet.parameters())
    assert counts == {'sd15': 859_520_964, 'sd21': 865_910_724, 'sdxl': 2_567_463_684}


def teardown_module():
    for name in ('gpu', 'measuring', 'random_models', 'run'):
        sys.modules.pop(name, None)
