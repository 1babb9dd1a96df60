import pytest
import torch
from diffusers.models.transformers.transformer_2d import Transformer2DModel

from mmseg_gen.generators.features import FeatureRecorder, block_channels, block_names, diffusion_features
from mmseg_gen.generators.inversion import invert_latents
from mmseg_gen.generators.latents import encode_images
from mmseg_gen.generators.sampling import sample_latents
from mmseg_gen.generators.text import encode_prompts
from tests.tiny_models import tiny_parts, tiny_unet

ORDER = [
    'down_blocks.0.attentions.0', 'down_blocks.1.attentions.0', 'mid_block.attentions.0',
    'up_blocks.0.attentions.0', 'up_blocks.0.attentions.1', 'up_blocks.1.attentions.0',
    'up_blocks.1.attentions.1',
]  # fmt: skip


@pytest.fixture(scope='module', params=['epsilon', 'v_prediction'])
def parts(request):
    return tiny_parts(request.param)


def hooked(parts, run):
    """Collect every transformer block's outputs by hand while ``run()`` works."""
    outputs, handles = {}, []
    for name, module in parts.unet.named_modules():
        if isinstance(module, Transformer2DModel):
            handles.append(module.register_forward_hook(lambda m, i, o, n=name: outputs.setdefault(n, []).append(o[0])))
    run()
    for handle in handles:
        handle.remove()
    return outputs


@pytest.mark.parametrize('passes', ['invert', 'reverse'])
def test_equals_hooks_by_hand(parts, passes):
    images = torch.rand(2, 3, 12, 20, generator=torch.Generator().manual_seed(0)) * 2 - 1
    context = encode_prompts(parts, ['a cat', 'a dog'])
    latents = encode_images(parts, images)

    def run():
        if passes == 'invert':
            invert_latents(parts, latents, context, steps=3)
        else:
            sample_latents(parts, context, context, noise, steps=3, guidance=1)

    noise = invert_latents(parts, latents, context, steps=3)
    expected = hooked(parts, run)
    found = diffusion_features(parts, images, context, steps=3, passes=passes)
    assert len(found) == len(ORDER)
    for name, maps in zip(ORDER, found, strict=True):
        assert len(expected[name]) == 3
        torch.testing.assert_close(maps, torch.stack(expected[name]).mean(0), atol=1e-5, rtol=1e-5)
    encoder = diffusion_features(parts, images, context, steps=3, passes=passes, blocks='encoder')
    assert [m.shape for m in encoder] == [(2, 16, 6, 10), (2, 32, 3, 5)]
    torch.testing.assert_close(encoder[1], found[1])


def test_blocks_are_chosen_in_the_order_of_the_network(parts):
    assert block_names(parts.unet) == ORDER
    assert block_names(parts.unet, 'encoder') == ORDER[:2]
    assert block_names(parts.unet, [-1, 2]) == [ORDER[6], ORDER[2]]
    assert block_channels(parts.unet) == [16, 32, 32, 32, 32, 16, 16]
    six = tiny_unet(
        layers_per_block=2, block_out_channels=(8, 16, 24, 24),
        down_block_types=('CrossAttnDownBlock2D',) * 3 + ('DownBlock2D',),
        up_block_types=('UpBlock2D',) + ('CrossAttnUpBlock2D',) * 3,
    )  # fmt: skip
    # The layout of SD 1.x: two blocks each at three resolutions.
    assert block_channels(six, 'encoder') == [8, 8, 16, 16, 24, 24]


@pytest.mark.parametrize('blocks', ['decoder', [7], [-8], [0, 0], [0, -7], []])
def test_wrong_blocks_are_refused(parts, blocks):
    with pytest.raises(ValueError, match='`blocks`'):
        block_names(parts.unet, blocks)


def test_hooks_are_gone_also_after_an_exception(parts):
    recorder = FeatureRecorder(parts.unet)
    with pytest.raises(RuntimeError, match='stop'), recorder, recorder:
        raise RuntimeError('stop')
    assert not any(module._forward_hooks for module in parts.unet.modules())
    with pytest.raises(ValueError, match='features to have been recorded'):
        recorder.features()


def test_recorder_halves_pauses_and_resets(parts):
    sample, context = torch.randn(4, 4, 8, 8), encode_prompts(parts, ['a cat', 'a dog', 'a bird', 'a plant'])
    half, whole = FeatureRecorder(parts.unet, [0], conditional_half=True), FeatureRecorder(parts.unet, [0])
    with torch.no_grad(), half, whole:
        parts.unet(sample, 10, context)
        with half.paused():
            parts.unet(sample, 900, context)
    whole_first = FeatureRecorder(parts.unet, [0])
    with whole_first:
        parts.unet(sample, 10, context)
    torch.testing.assert_close(half.features()[0], whole_first.features()[0][2:])
    assert (whole.features()[0] - whole_first.features()[0]).abs().max() > 1e-4
    with pytest.raises(ValueError, match=r'reset\(\)'), whole:
        parts.unet(sample[:2], 10, context[:2])
    whole.reset()
    with whole:
        parts.unet(sample[:2], 10, context[:2])
    assert whole.features()[0].shape == (2, 16, 8, 8)


def test_a_wrong_pass_is_refused(parts):
    with pytest.raises(ValueError, match="'invert' or 'reverse'"):
        diffusion_features(parts, torch.zeros(1, 3, 16, 16), encode_prompts(parts, ['']), passes='both')
