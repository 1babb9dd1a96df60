"""The UNet against the machine's matrix products, and how it scales with batch, resolution and number format.

    python benchmarks/unet.py                     # the embedded UNet, one thread

Prints a JSON line for each case: milliseconds a sample, and the share of the rate that a product of two large matrices
reaches in float32 on the same machine. The last line has the share at the batch that synthesis uses, 16 (8 samples
under guidance).
"""

from __future__ import annotations

import argparse
import copy
from collections.abc import Callable

import torch
from measuring import alternating, flops, matmul_rate, peak_memory_mb, write

from mmseg_gen.generators.embedded.architecture import TOKEN_LIMIT, WIDTH, build_unet

BATCHES, SIDES, USUAL = (2, 4, 8, 16, 32), (16, 24, 32), 16


def main() -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--threads', type=int, default=1, help='threads of PyTorch (%(default)s)')
    parser.add_argument('--repeats', type=int, default=3, help='timed rounds (%(default)s)')
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    rates = {name: matmul_rate(getattr(torch, name)) for name in ('float32', 'bfloat16')}
    write({'case': 'matrix product', **{f'{name}_gflops': rate / 1e9 for name, rate in rates.items()}})
    unet = build_unet().eval().requires_grad_(False)
    shares = {batch: case(f'batch {batch}', unet, (batch, 16), rates, args.repeats) for batch in BATCHES}
    for side in SIDES[1:]:
        case(f'latents {side} x {side}, batch 4', unet, (4, side), rates, args.repeats)
    formats(unet, rates['float32'], args)
    line = {'benchmark': 'unet', 'share_of_matmul': shares[USUAL], 'threads': args.threads, 'batch': USUAL}
    write({**line, 'peak_mb': peak_memory_mb()})
    return 0


def call(unet: torch.nn.Module, batch: int, side: int) -> Callable[[], torch.Tensor]:
    """Return one pass of the UNet on random input."""
    kind = next(unet.parameters()).dtype
    sample, context = torch.randn(batch, 4, side, side).to(kind), torch.randn(batch, TOKEN_LIMIT, WIDTH).to(kind)

    def run() -> torch.Tensor:
        with torch.no_grad():
            return unet(sample, 500, context, return_dict=False)[0]

    return run


def case(name: str, unet: torch.nn.Module, shape: tuple[int, int], rates: dict, repeats: int) -> float:
    """Write the line of one shape, and return its share of the matrix product's rate."""
    run = call(unet, *shape)
    work, least = flops(run), min(alternating([run], repeats)[0])
    share = work / least / rates['float32']
    write(
        {'case': name, 'ms_a_sample': least / shape[0] * 1e3, 'gflop_a_sample': work / shape[0] / 1e9, 'share': share}
    )
    return share


def formats(unet: torch.nn.Module, rate: float, args: argparse.Namespace) -> None:
    """Write lines of other number formats and memory layouts beside float32, in turn."""
    last = copy.deepcopy(unet).to(memory_format=torch.channels_last)
    networks = {'float32': unet, 'float32, channels last': last, 'bfloat16': copy.deepcopy(unet).bfloat16()}
    runs = {name: call(network, USUAL, 16) for name, network in networks.items()}
    plain = call(unet, USUAL, 16)

    def autocast() -> None:
        with torch.autocast('cpu', torch.bfloat16):
            plain()

    runs['autocast to bfloat16'] = autocast
    work, times = flops(plain), alternating(list(runs.values()), args.repeats)
    for name, own in zip(runs, times, strict=True):
        speed = min(times[0]) / min(own)
        write({'case': f'{name}, batch {USUAL}', 'speed_over_float32': speed, 'share': work / min(own) / rate})


if __name__ == '__main__':
    raise SystemExit(main())
