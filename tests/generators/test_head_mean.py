"""The Triton kernels: compiled where there is a GPU, else by Triton's interpreter, which runs them on the CPU."""

import subprocess
import sys

import pytest
import torch

from mmseg_gen import generators
from mmseg_gen.errors import UserError
from mmseg_gen.generators.capture import AttentionRecorder
from tests.references.attention_loop import LoopReference
from tests.tiny_models import WIDTH, tiny_unet

MODULE = 'mmseg_gen.generators.head_mean'
DEVICE = 'cuda' if torch.cuda.is_available() else 'cpu'


@pytest.fixture
def kernels():
    # Older interpreters fail with numpy 2.4.
    pytest.importorskip('triton', minversion='3.5')
    from mmseg_gen.generators import head_mean

    return head_mean


def heads_of(batch, heads, rows, channels, dtype):
    """Return ``(B, H, rows, d)`` as a layer makes them: strided, one head beside the other."""
    wide = torch.randn(batch, rows, heads * channels, device=DEVICE) * 2
    return wide.to(dtype).unflatten(-1, (heads, channels)).transpose(1, 2)


def mean_by_loops(query, key):
    batch, heads, queries, channels = query.shape
    mean = torch.zeros(batch, queries, key.shape[2], dtype=torch.float64, device=query.device)
    for b in range(batch):
        for h in range(heads):
            for i in range(queries):
                logits = (key[b, h].double() * query[b, h, i].double()).sum(1) / channels**0.5
                weights = (logits - logits.max()).exp()
                mean[b, i] += weights / weights.sum() / heads
    return mean.float()


CASES = {
    'cross-attention': (2, 3, 70, 13, 40),
    'self-attention, several tiles': (1, 2, 130, 130, 20),
    'one head, keys of whole tiles': (2, 1, 5, 128, 160),
    'fewer channels than a tile': (1, 2, 9, 77, 3),
}


@pytest.mark.parametrize('dtype', ['float16', pytest.param('bfloat16', marks=pytest.mark.gpu)])
@pytest.mark.parametrize('case', CASES)
def test_the_mean_is_added(kernels, case, dtype):
    # The interpreter multiplies the bits of bfloat16 as integers, hence a GPU for these.
    batch, heads, queries, keys, channels = CASES[case]
    query = heads_of(batch, heads, queries, channels, getattr(torch, dtype))
    key = heads_of(batch, heads, keys, channels, getattr(torch, dtype))
    before = torch.rand(batch, queries, keys, device=DEVICE)
    sums = before.clone()
    kernels.add_head_mean(query, key, sums)
    torch.testing.assert_close(sums - before, mean_by_loops(query, key), atol=2e-6, rtol=1e-5)


@pytest.mark.filterwarnings('ignore::RuntimeWarning')
def test_large_logits_and_broken_numbers(kernels):
    query, key = heads_of(1, 2, 4, 16, torch.float16) * 60, heads_of(1, 2, 70, 16, torch.float16) * 60
    sums = torch.zeros(1, 4, 70, device=DEVICE)
    kernels.add_head_mean(query, key, sums)
    torch.testing.assert_close(sums, mean_by_loops(query, key), atol=2e-6, rtol=1e-5)
    query[0, 1, 2, 0] = float('nan')
    kernels.add_head_mean(query, key, sums)
    assert sums[0, 2].isnan().all()
    assert sums[0, [0, 1, 3]].isfinite().all()


def test_what_fits(kernels):
    assert kernels.fits(torch.zeros(1, 1, 4, 256, dtype=torch.float16, device=DEVICE))
    assert not kernels.fits(torch.zeros(1, 1, 4, 257, dtype=torch.float16, device=DEVICE))
    assert not kernels.fits(torch.zeros(1, 1, 4, 16, device=DEVICE))


@pytest.mark.parametrize('half', [False, True])
def test_a_recorded_network(kernels, monkeypatch, half):
    unet = tiny_unet().to(DEVICE)
    for module in unet.modules():
        if module.__class__.__name__ == 'Attention':
            module.to_q.weight.data *= 8
    # Weights that float16 holds, so that the reference in float32 has the same network.
    unet.half()
    sample, context = torch.randn(2, 4, 9, 5, device=DEVICE).half(), torch.randn(2, 6, WIDTH, device=DEVICE).half()
    plain = unet(sample, 500, context).sample
    calls = []
    monkeypatch.setattr(kernels, 'add_head_mean', counted(kernels.add_head_mean, calls))
    monkeypatch.setenv('MMSEG_GEN_CAPTURE', 'triton')
    recorder = AttentionRecorder(unet, (9, 5), conditional_half=half)
    with recorder:
        torch.testing.assert_close(unet(sample, 500, context).sample, plain)
    first = 1 if half else 0
    expected = LoopReference(unet.float(), (9, 5)).run([(sample.float(), 500)], context.float())
    assert len(calls) == len(expected) > 4
    positions = [[1], [2, 4]][first:]
    for name, maps in zip(recorder.cross_layers, recorder.cross_maps(positions), strict=True):
        for own, found, wanted in zip(positions, maps, expected[name][first:], strict=True):
            torch.testing.assert_close(found.flatten(), wanted[:, own].mean(1), atol=5e-3, rtol=0)
    for _, matrix, grid in recorder.self_levels(0):
        own = [m[first] for n, m in expected.items() if n.endswith('attn1') and m.shape[1] == grid[0] * grid[1]]
        torch.testing.assert_close(matrix, torch.stack(own).mean(0), atol=5e-3, rtol=0)


def counted(function, calls):
    def call(*args):
        calls.append(1)
        function(*args)

    return call


def test_masks_take_the_explicit_way(kernels, monkeypatch):
    unet, keep = tiny_unet().to(DEVICE).half(), torch.tensor([[1, 1, 0]], device=DEVICE)
    sample, context = torch.randn(1, 4, 8, 8, device=DEVICE).half(), torch.randn(1, 3, WIDTH, device=DEVICE).half()
    monkeypatch.setenv('MMSEG_GEN_CAPTURE', 'triton')
    recorder = AttentionRecorder(unet, (8, 8), self_attention=False)
    with recorder:
        unet(sample, 500, context, encoder_attention_mask=keep)
    assert all((m == 0).all() for m in recorder.cross_maps([[2]]))


@pytest.mark.parametrize(
    ('value', 'message'), [('cuda', "torch or triton, but got 'cuda'"), ('triton', 'Expected the package `triton`')]
)
def test_what_is_not_there_is_said(monkeypatch, value, message):
    monkeypatch.delitem(sys.modules, MODULE, raising=False)
    monkeypatch.delattr(generators, 'head_mean', raising=False)
    monkeypatch.setitem(sys.modules, 'triton', None)
    monkeypatch.setenv('MMSEG_GEN_CAPTURE', value)
    unet = tiny_unet()
    with pytest.raises(UserError, match=message), AttentionRecorder(unet, (8, 8)):
        unet(torch.randn(1, 4, 8, 8), 500, torch.randn(1, 3, WIDTH))


COMPILE = """
import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

from mmseg_gen.generators import head_mean

KINDS = dict(query='*bf16', key='*bf16', norm='*fp32', sums='*fp32', scale='fp32', SIDE='constexpr', WIDTH='constexpr')
for target, width, product in ((80, 256, 'mma.sync'), (90, 64, 'wgmma')):
    for kernel in (head_mean._log_sum_exp, head_mean._add_mean):
        names = kernel.arg_names
        constants = {(names.index('SIDE'),): head_mean._SIDE, (names.index('WIDTH'),): width}
        source = ASTSource(kernel, {name: KINDS.get(name, 'i32') for name in names}, constants)
        compiled = triton.compile(source, target=GPUTarget('cuda', target, 32))
        assert product in compiled.asm['ptx'], (target, kernel)
        assert len(compiled.asm['cubin']) > 1000
        print(target, width, compiled.metadata.shared)
"""


def test_the_kernels_compile_to_tensor_cores_within_shared_memory(tmp_path):
    # For GPUs of the kinds A100 and H100; no GPU is needed to compile.
    # Older interpreters fail with numpy 2.4.
    pytest.importorskip('triton', minversion='3.5')
    environment = {'PATH': '/usr/bin:/bin', 'TRITON_CACHE_DIR': str(tmp_path), 'PYTHONPATH': ':'.join(sys.path)}
    done = subprocess.run(
        [sys.executable, '-W', 'ignore', '-c', COMPILE], env=environment, capture_output=True, text=True, timeout=240
    )
    assert done.returncode == 0, done.stderr
    lines = [tuple(map(int, line.split())) for line in done.stdout.splitlines()]
    assert len(lines) == 4
    assert all(shared <= 99 * 1024 for _, _, shared in lines)
