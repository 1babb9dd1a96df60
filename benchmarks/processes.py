"""How much two processes make in the time of one: the plain matrix product, the UNet, and pairs with evidence.

    python benchmarks/processes.py                  # the embedded model; aim: pairs >= 1.6

Every process has one thread and does the same work; all begin together. The ratio is 2 where cores share nothing. What
the UNet alone reaches is the floor for the pairs: it is what memory bandwidth, caches and the clock leave. Wall time: a
busy machine gives every number too low. Prints JSON lines.
"""

from __future__ import annotations

import argparse
import multiprocessing
import time
from typing import Any

from measuring import write

AIM = 1.6
KINDS = ('matrix product', 'UNet', 'pairs')


def main() -> int:
    """Run the benchmark; exit 1 if the aim is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--processes', type=int, default=2, help='processes (%(default)s)')
    parser.add_argument('--steps', type=int, default=10, help='denoising steps of a pair (%(default)s)')
    parser.add_argument('--rounds', type=int, default=3, help='rounds; the best of each counts (%(default)s)')
    args = parser.parse_args()
    ratios = {}
    for kind in KINDS:
        times = {count: least(kind, count, args) for count in (1, args.processes)}
        ratios[kind] = args.processes * times[1] / times[args.processes]
        write({'case': kind, 'one_s': times[1], f'{args.processes}_s': times[args.processes], 'ratio': ratios[kind]})
    line = {'benchmark': 'processes', 'ratio': ratios['pairs'], 'floor': ratios['UNet'], 'aim': AIM}
    write({**line, 'processes': args.processes, 'cores': multiprocessing.cpu_count()})
    return int(ratios['pairs'] < AIM)


def least(kind: str, count: int, args: argparse.Namespace) -> float:
    """Return the least wall time in which so many processes, side by side, did their work once each."""
    context = multiprocessing.get_context('spawn')
    barrier, answers = context.Barrier(count), context.Queue()
    settings = (kind, args.steps, args.rounds, barrier, answers)
    children = [context.Process(target=work, args=settings) for _ in range(count)]
    for child in children:
        child.start()
    times = [answers.get(timeout=600) for _ in children]
    for child in children:
        child.join()
    # The slowest of each round is when all were done.
    return min(max(own) for own in zip(*times, strict=True))


def work(kind: str, steps: int, rounds: int, barrier: Any, answers: Any) -> None:
    """Do one kind of work in a process of its own and answer with the wall seconds of each round."""
    import cv2
    import torch

    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    action, times = action_of(kind, steps), []
    action()  # warms up
    for _ in range(rounds):
        barrier.wait(600)
        start = time.perf_counter()
        action()
        times.append(time.perf_counter() - start)
    answers.put(times)


def action_of(kind: str, steps: int) -> Any:
    """Return the work of one round."""
    import torch

    if kind == 'matrix product':
        a = torch.randn(1024, 1024)
        return lambda: [a @ a for _ in range(20)]
    from mmseg_gen.generators.parts import load_parts

    parts = load_parts('embedded')
    if kind == 'UNet':
        latents, context = torch.randn(16, 4, 16, 16), torch.randn(16, 24, parts.unet.config.cross_attention_dim)

        def passes() -> None:
            with torch.no_grad():
                for _ in range(steps):
                    parts.unet(latents, 500, context)

        return passes
    from mmseg_gen.engine.pair_generator import DiffusionPairGenerator
    from mmseg_gen.engine.planning import plan_samples

    generator = DiffusionPairGenerator(parts, steps=steps)
    samples = plan_samples(['dog', 'car'], 8, 0, lambda index, name, seed: f'a photo of a {name}')
    return lambda: generator.generate(samples)


if __name__ == '__main__':
    raise SystemExit(main())
