"""Attention matrices of a UNet recomputed from its projections, one head at a time."""

from __future__ import annotations

import torch


class LoopReference:
    """Recomputes every attention matrix from the projections' outputs, head by head."""

    def __init__(self, unet, size):
        self.unet, self.size, self.calls = unet, size, {}

    def run(self, steps, context, **options):
        outputs, projected = {}, []
        for name, module in self.unet.named_modules():
            if name.endswith(('to_q', 'to_k')):
                projected.append(
                    module.register_forward_hook(lambda m, i, o, n=name: outputs.setdefault(n, []).append(o))
                )
        for sample, t in steps:
            self.unet(sample, t, encoder_hidden_states=context, **options)
        for handle in projected:
            handle.remove()
        return {
            n.removesuffix('.to_q'): self._mean(n.removesuffix('.to_q'), q, outputs[n.removesuffix('to_q') + 'to_k'])
            for n, q in outputs.items()
            if n.endswith('to_q')
        }

    def _mean(self, name, queries, keys):
        heads = self.unet.get_submodule(name).heads
        total = 0
        for q, k in zip(queries, keys, strict=True):
            for one_q, one_k in zip(q.chunk(heads, -1), k.chunk(heads, -1), strict=True):
                logits = torch.einsum('bqd,bkd->bqk', one_q, one_k) / one_q.shape[-1] ** 0.5
                total = total + logits.exp() / logits.exp().sum(-1, keepdim=True)
        return total / heads / len(queries)
