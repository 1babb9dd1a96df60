"""torch.compile on the embedded UNet, with and without capture: what it gains and costs, whether results are equal.

    python benchmarks/compiled.py                          # several minutes of compiling
    python benchmarks/compiled.py --forms block            # one residual block alone: less than a minute

Forms: one residual block by itself, at the finest grid; the whole network; its residual blocks alone, so that no
recorder meets compiled code. Prints a JSON line for each: processor seconds until the first result (compiler included),
the ratio of a compiled pass to a plain one, the largest difference of the outputs, and the number of samples after
which compiling has paid. A synthesis puts new recorders in place for each batch; ``again_s`` is what that costs under
the compiler. The caches of the compiler are off, so every run compiles anew.
"""

from __future__ import annotations

import argparse
import copy
import os
import resource
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

# In this process, where its time is seen; no results of earlier runs.
os.environ |= {'TORCHINDUCTOR_COMPILE_THREADS': '1', 'TORCHINDUCTOR_FORCE_DISABLE_CACHES': '1'}

import torch
from diffusers.models.resnet import ResnetBlock2D
from measuring import alternating, paired_ratio, write
from unet import call

from mmseg_gen.generators.capture import AttentionRecorder
from mmseg_gen.generators.parts import load_parts

FORMS = ('block', 'blocks, capture', 'whole', 'whole, capture')
STEPS, SAMPLES = 40, 8


def main() -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--forms', nargs='+', choices=FORMS, default=FORMS, help='which (all)')
    parser.add_argument('--repeats', type=int, default=5, help='timed rounds (%(default)s)')
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    # Each kind of block has shapes of its own; beyond this number it would run uncompiled.
    torch._dynamo.config.recompile_limit = 64
    unet = load_parts('embedded').unet
    ratios = [form(name, unet, args.repeats) for name in args.forms]
    write({'benchmark': 'compiled', 'ratio': min(ratios), 'batch': 2 * SAMPLES})
    return 0


def form(name: str, unet: torch.nn.Module, repeats: int) -> float:
    """Write the line of one form, and return its ratio."""
    torch._dynamo.reset()
    fast, capture = compiled(unet, name), name.endswith('capture')
    plain, quick = (run_of(unet, network, name) for network in (unet, fast))
    first = used(lambda: once(fast, quick, capture))
    again = used(lambda: once(fast, quick, capture))
    with recorder(unet, capture), recorder(fast, capture):
        difference = (plain() - quick()).abs().max().item()
        own, other = alternating([quick, plain], repeats)
    line = {'form': name, 'first_s': first, 'again_s': again, 'plain_s': min(other), 'largest_difference': difference}
    line |= {'ratio': paired_ratio(own, other)}
    gain = min(other) - min(own)
    if name != 'block' and gain > 0:
        # A batch of samples asks for STEPS passes.
        line |= {'samples_to_pay': first / gain / STEPS * SAMPLES}
    write(line)
    return line['ratio']


def run_of(unet: torch.nn.Module, network: torch.nn.Module, name: str) -> Callable[[], torch.Tensor]:
    """Return one pass of a network, or of its first residual block on what it gets in a pass of the plain network."""
    torch.manual_seed(0)
    if name != 'block':
        return call(network, 2 * SAMPLES, 16)
    seen: list[tuple] = []
    hook = unet.down_blocks[0].resnets[0].register_forward_pre_hook(lambda module, given: seen.append(given))
    call(unet, 2 * SAMPLES, 16)()
    hook.remove()
    return torch.no_grad()(lambda: network.down_blocks[0].resnets[0](*seen[0]))


def compiled(unet: torch.nn.Module, name: str) -> torch.nn.Module:
    """Return a copy that compiles at its first call: as a whole, or its residual blocks alone."""
    own = copy.deepcopy(unet)
    blocks = [module for module in own.modules() if isinstance(module, ResnetBlock2D)]
    for module in blocks if name.startswith('block') else [own]:
        module.compile()
    return own


def recorder(unet: torch.nn.Module, capture: bool) -> AbstractContextManager:
    """Return what records all attention of a pass, or nothing."""
    return AttentionRecorder(unet, (16, 16)) if capture else nullcontext()


def once(unet: torch.nn.Module, run: Callable[[], torch.Tensor], capture: bool) -> None:
    """Make one pass inside a recorder of its own."""
    with recorder(unet, capture):
        run()


def used(action: Callable[[], object]) -> float:
    """Return the processor seconds of a call, those of the C++ compilers it starts included."""
    start = _all_seconds()
    action()
    return _all_seconds() - start


def _all_seconds() -> float:
    both = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in both)


if __name__ == '__main__':
    raise SystemExit(main())
