import copy

import pytest
import torch

from mmseg_gen.generators import attention_processor
from mmseg_gen.generators.capture import AttentionRecorder
from tests.references.attention_loop import LoopReference
from tests.tiny_models import WIDTH, tiny_unet


def make_case(size=(8, 8), batch=2, **settings):
    torch.manual_seed(0)
    unet = tiny_unet(**settings)
    for module in unet.modules():
        # Random layers attend almost evenly; larger queries make the maps differ.
        if module.__class__.__name__ == 'Attention':
            module.to_q.weight.data *= 8
    steps = [(torch.randn(batch, 4, *size), t) for t in (700, 300)]
    return unet, steps, torch.randn(batch, 6, WIDTH)


CASES = {
    'square': dict(),
    'odd non-square': dict(size=(9, 5)),
    'heads per level, linear projections': dict(like_sd2=True),
    'two blocks per layer': dict(transformer_layers_per_block=2),
    'upcast': dict(upcast_attention=True),
}


@pytest.mark.parametrize('case', CASES)
def test_maps_equal_a_loop_over_heads(case):
    settings = CASES[case]
    size = settings.get('size', (8, 8))
    unet, steps, context = make_case(**settings)
    expected = LoopReference(unet, size).run(steps, context)
    recorder = AttentionRecorder(unet, size)
    with recorder:
        for sample, t in steps:
            unet(sample, t, encoder_hidden_states=context)
    positions = [[1], [2, 4]]
    crosses = recorder.cross_maps(positions)
    assert len(crosses) == len(recorder.cross_layers) == sum(n.endswith('attn2') for n in expected)
    for name, maps in zip(recorder.cross_layers, crosses, strict=True):
        grid = maps.shape[1:]
        assert grid in (size, tuple(-(-s // 2) for s in size))
        for i, own in enumerate(positions):
            torch.testing.assert_close(maps[i].flatten(), expected[name][i][:, own].mean(1), atol=1e-5, rtol=1e-4)
    selves = {n: m for n, m in expected.items() if n.endswith('attn1')}
    levels = recorder.self_levels(1)
    assert sum(weight for weight, _, _ in levels) == pytest.approx(1)
    assert [grid for _, _, grid in levels] == sorted({g for _, _, g in levels}, reverse=True)
    for weight, matrix, grid in levels:
        own = [m[1] for m in selves.values() if m.shape[1] == grid[0] * grid[1]]
        assert weight == pytest.approx(len(own) / len(selves))
        torch.testing.assert_close(matrix, torch.stack(own).mean(0), atol=1e-5, rtol=1e-4)
        torch.testing.assert_close(matrix.sum(1), torch.ones(len(matrix)))


@pytest.mark.parametrize('case', CASES)
def test_output_is_unchanged(case):
    unet, steps, context = make_case(**CASES[case])
    sample, t = steps[0]
    plain = unet(sample, t, encoder_hidden_states=context).sample
    for half in (False, True):
        with AttentionRecorder(unet, sample.shape[2:], conditional_half=half):
            recorded = unet(sample, t, encoder_hidden_states=context).sample
        torch.testing.assert_close(recorded, plain, atol=1e-5, rtol=1e-5)


def test_masked_tokens_get_no_attention_and_the_output_stays():
    unet, steps, context = make_case()
    sample, t = steps[0]
    keep = torch.tensor([[1, 1, 1, 1, 1, 0], [1, 0, 1, 1, 1, 1]])
    options = dict(encoder_hidden_states=context, encoder_attention_mask=keep)
    plain = unet(sample, t, **options).sample
    for half in (False, True):
        recorder = AttentionRecorder(unet, (8, 8), conditional_half=half)
        with recorder:
            torch.testing.assert_close(unet(sample, t, **options).sample, plain, atol=1e-5, rtol=1e-5)
        masked = recorder.cross_maps([[1]] if half else [[5], [1]])
        assert all((m == 0).all() for m in masked)


@pytest.mark.parametrize('limit', [1, 100, 2000])
def test_chunks_change_nothing(monkeypatch, limit):
    unet, steps, context = make_case(batch=3)
    sample, t = steps[0]
    whole = AttentionRecorder(unet, (8, 8))
    with whole:
        expected = unet(sample, t, encoder_hidden_states=context).sample
    monkeypatch.setitem(attention_processor._CHUNK, 'cpu', limit)
    pieces = AttentionRecorder(unet, (8, 8))
    with pieces:
        torch.testing.assert_close(unet(sample, t, encoder_hidden_states=context).sample, expected)
    for a, b in zip(whole.cross_maps([[1]] * 3), pieces.cross_maps([[1]] * 3), strict=True):
        torch.testing.assert_close(a, b)
    for (_, a, _), (_, b, _) in zip(whole.self_levels(2), pieces.self_levels(2), strict=True):
        torch.testing.assert_close(a, b)


def test_conditional_half_is_the_second_half():
    unet, steps, context = make_case(batch=4)
    half, alone = AttentionRecorder(unet, (8, 8), conditional_half=True), AttentionRecorder(unet, (8, 8))
    for sample, t in steps:
        with half:
            unet(sample, t, encoder_hidden_states=context)
        with alone:
            unet(sample[2:], t, encoder_hidden_states=context[2:])
    for a, b in zip(half.cross_maps([[1], [2]]), alone.cross_maps([[1], [2]]), strict=True):
        torch.testing.assert_close(a, b)
    for (_, a, _), (_, b, _) in zip(half.self_levels(1), alone.self_levels(1), strict=True):
        torch.testing.assert_close(a, b)


def test_a_sample_does_not_depend_on_its_batch():
    unet, steps, context = make_case(batch=3)
    sample, t = steps[0]
    together, alone = AttentionRecorder(unet, (8, 8)), AttentionRecorder(unet, (8, 8))
    with together:
        unet(sample, t, encoder_hidden_states=context)
    with alone:
        unet(sample[1:2], t, encoder_hidden_states=context[1:2])
    for a, b in zip(together.cross_maps([[1], [2], [3]]), alone.cross_maps([[2]]), strict=True):
        torch.testing.assert_close(a[1:2], b)


def identities(unet):
    return {name: id(processor) for name, processor in unet.attn_processors.items()}


def test_processors_return_also_after_an_exception():
    unet, *_ = make_case()
    before = identities(unet)
    recorder = AttentionRecorder(unet, (8, 8))
    with recorder:
        with recorder:
            assert not set(identities(unet).values()) & set(before.values())
        # Entered twice, left once: still recording.
        assert not set(identities(unet).values()) & set(before.values())
    assert identities(unet) == before
    with pytest.raises(RuntimeError, match='stop'), recorder:
        raise RuntimeError('stop')
    assert identities(unet) == before


def test_a_failing_step_leaves_the_network_usable():
    unet, steps, context = make_case()
    sample, t = steps[0]
    plain = unet(sample, t, encoder_hidden_states=context).sample
    with pytest.raises(ValueError, match=r'size.*\(4, 4\).*64 pixels'), AttentionRecorder(unet, (4, 4)):
        unet(sample, t, encoder_hidden_states=context)
    torch.testing.assert_close(unet(sample, t, encoder_hidden_states=context).sample, plain, atol=0, rtol=0)


def test_memory_does_not_grow_with_steps():
    unet, steps, context = make_case()
    recorder, sizes = AttentionRecorder(unet, (8, 8)), []
    with recorder:
        for _ in range(4):
            unet(steps[0][0], 10, encoder_hidden_states=context)
            sizes.append(recorder.num_bytes)
    assert len(set(sizes)) == 1
    expected_self = 2 * (64**2 + 16**2)
    expected_cross = 2 * 6 * (3 * 64 + 4 * 16)
    assert sizes[0] == 4 * (expected_self + expected_cross)


def test_large_grids_pausing_and_kinds_are_left_out():
    unet, steps, context = make_case()
    sample, t = steps[0]
    recorder = AttentionRecorder(unet, (8, 8), max_self_side=4)
    with recorder, recorder.paused():
        unet(sample, t, encoder_hidden_states=context)
    with pytest.raises(ValueError, match='cross-attention to have been recorded'):
        recorder.cross_maps([[1], [1]])
    with recorder:
        unet(sample, t, encoder_hidden_states=context)
    assert [grid for _, _, grid in recorder.self_levels(0)] == [(4, 4)]
    only_cross = AttentionRecorder(unet, (8, 8), self_attention=False)
    with only_cross:
        unet(sample, t, encoder_hidden_states=context)
    with pytest.raises(ValueError, match='self-attention to have been recorded'):
        only_cross.self_levels(0)


def test_every_second_call_is_recorded_and_the_others_take_the_fused_kernel(monkeypatch):
    unet, (first, second), context = make_case()
    steps = [first, second, (second[0], 500), (first[0], 100), (first[0], 40)]
    expected = LoopReference(unet, (8, 8)).run([steps[0], steps[2], steps[4]], context)
    formed = []
    original = attention_processor._attend
    monkeypatch.setattr(attention_processor, '_attend', lambda *a: formed.append(1) or original(*a))
    recorder = AttentionRecorder(unet, (8, 8), every=2)
    with recorder:
        for sample, t in steps:
            unet(sample, t, encoder_hidden_states=context)
    assert len(formed) == 3 * len(expected)
    for name, maps in zip(recorder.cross_layers, recorder.cross_maps([[1], [2, 4]]), strict=True):
        for i, own in enumerate([[1], [2, 4]]):
            torch.testing.assert_close(maps[i].flatten(), expected[name][i][:, own].mean(1), atol=1e-5, rtol=1e-4)
    recorder.reset()
    with recorder:
        unet(*first, encoder_hidden_states=context)
    assert len(formed) == 4 * len(expected)
    with pytest.raises(ValueError, match='`every` to be 1 or more calls, but got 0'):
        AttentionRecorder(unet, (8, 8), every=0)


def test_reset_allows_another_batch():
    unet, steps, context = make_case()
    sample, t = steps[0]
    recorder = AttentionRecorder(unet, (8, 8))
    with recorder:
        unet(sample, t, encoder_hidden_states=context)
        with pytest.raises(ValueError, match=r'reset\(\)'):
            unet(sample[:1], t, encoder_hidden_states=context[:1])
        recorder.reset()
        unet(sample[:1], t, encoder_hidden_states=context[:1])
    assert recorder.cross_maps([[1]])[0].shape == (1, 8, 8)


def test_nan_is_named():
    unet, steps, context = make_case()
    name = 'up_blocks.1.attentions.1.transformer_blocks.0.attn2'
    unet.get_submodule(name).to_q.weight.data[0, 0] = float('nan')
    recorder = AttentionRecorder(unet, (8, 8))
    with recorder:
        unet(steps[0][0], 10, encoder_hidden_states=context)
    with pytest.raises(ValueError, match=f'finite attention in {name}.*float32'):
        recorder.cross_maps([[1], [1]])
    last = 'up_blocks.1.attentions.1.transformer_blocks.0.attn1'
    unet.get_submodule(last).to_k.weight.data[0, 0] = float('nan')
    recorder.reset()
    with recorder:
        unet(steps[0][0], 10, encoder_hidden_states=context)
    with pytest.raises(ValueError, match='finite attention in self-attention at 8 x 8'):
        recorder.self_levels(0)


@pytest.mark.parametrize('positions', [[[1]], [[1], []], [[1], [6]], [[-1], [1]]])
def test_wrong_positions_are_refused(positions):
    unet, steps, context = make_case()
    recorder = AttentionRecorder(unet, (8, 8))
    with recorder:
        unet(steps[0][0], 10, encoder_hidden_states=context)
    with pytest.raises(ValueError, match='token positions'):
        recorder.cross_maps(positions)


def test_foreign_processors_and_odd_batches_are_refused():
    unet, steps, context = make_case()

    class Adapter:
        def __call__(self, attn, hidden_states, *args, **kwargs):
            return hidden_states

    unet.set_attn_processor(Adapter())
    with pytest.raises(ValueError, match='but got Adapter'), AttentionRecorder(unet, (8, 8)):
        pass
    assert all(isinstance(p, Adapter) for p in unet.attn_processors.values())
    unet, steps, context = make_case(batch=3)
    with (
        pytest.raises(ValueError, match='even batch'),
        AttentionRecorder(unet, (8, 8), conditional_half=True),
    ):
        unet(steps[0][0], 10, encoder_hidden_states=context)
    with pytest.raises(ValueError, match='at least'):
        AttentionRecorder(unet, (0, 8))


def test_half_precision_sums_in_float32():
    unet, steps, context = make_case()
    sample, t = steps[0]
    full, half = AttentionRecorder(unet, (8, 8)), copy.deepcopy(unet).bfloat16()
    with full:
        unet(sample, t, encoder_hidden_states=context)
    recorder = AttentionRecorder(half, (8, 8))
    with recorder:
        out = half(sample.bfloat16(), t, encoder_hidden_states=context.bfloat16()).sample
    assert out.dtype == torch.bfloat16
    for a, b in zip(full.cross_maps([[1], [1]]), recorder.cross_maps([[1], [1]]), strict=True):
        assert b.dtype == torch.float32
        torch.testing.assert_close(a, b, atol=0.02, rtol=0.2)


def test_gradients_still_flow():
    unet, steps, context = make_case()
    context = context.requires_grad_()
    with AttentionRecorder(unet, (8, 8)) as recorder:
        unet(steps[0][0], 10, encoder_hidden_states=context).sample.sum().backward()
    assert context.grad.abs().sum() > 0
    assert not recorder.cross_maps([[1], [1]])[0].requires_grad
