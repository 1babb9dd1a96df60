"""What stands before and after an attention of our own: against diffusers' processor, on every branch of a layer."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from diffusers.models.attention_processor import Attention, AttnProcessor2_0

from mmseg_gen.generators.attention_layers import head_mask, project_heads, project_output

BATCH, QUERIES, KEYS, WIDTH = 2, 6, 5, 8
CASES = {
    'plain': {},
    'of a prompt': {'cross_attention_dim': 12},
    'normed prompt': {'cross_attention_dim': 12, 'cross_attention_norm': 'layer_norm'},
    'residual': {'residual_connection': True, 'rescale_output_factor': 1.7},
    'normed pixels': {'norm_num_groups': 2, 'bias': True},
    'normed heads': {'qk_norm': 'layer_norm'},
}


@pytest.mark.parametrize('masked', [False, True])
@pytest.mark.parametrize('case', CASES)
def test_attention_between_them_equals_the_layer(case, masked):
    torch.manual_seed(0)
    layer = Attention(WIDTH, heads=2, dim_head=3, processor=AttnProcessor2_0(), **CASES[case])
    for values in layer.parameters():
        torch.nn.init.normal_(values)
    pixels = torch.randn(BATCH, QUERIES, WIDTH)
    context = torch.randn(BATCH, KEYS, 12) if 'cross_attention_dim' in CASES[case] else None
    keys = QUERIES if context is None else KEYS
    hidden = torch.where(torch.rand(BATCH, 1, keys) < 0.4, -1e4, 0.0) if masked else None
    query, key, value = project_heads(layer, pixels, context)
    own = head_mask(layer, hidden, BATCH, keys)
    assert (own is None) == (not masked)
    found = project_output(layer, F.scaled_dot_product_attention(query, key, value, attn_mask=own), pixels)
    assert found.shape == (BATCH, QUERIES, WIDTH)
    torch.testing.assert_close(found, layer(pixels, context, hidden), atol=1e-4, rtol=1e-4)
