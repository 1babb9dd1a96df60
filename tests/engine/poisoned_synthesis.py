"""A batch that ends every process that takes it: ``poisoned_synthesis.py FOLDER PROCESSES`` prints how they ended."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path

from fake_synthesis import FakeGenerator, fork, fork_safely, run_fake

POISON = 3


class PoisonedGenerator(FakeGenerator):
    """Ends its process in one batch, as the kernel does where memory is short."""

    def generate(self, samples):
        if POISON in [sample.index for sample in samples]:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().generate(samples)


def main(root, processes):
    """Start processes on one folder, and a new one whenever none is left and the last was killed."""
    fork_safely()
    codes, count = [], int(processes)
    while not codes or codes[-1] == -signal.SIGKILL:
        started = [fork(lambda r=rank: run_fake(root, r, count, PoisonedGenerator())) for rank in range(count)]
        codes += sorted(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in started)
    sys.stdout.write(json.dumps(codes) + '\n')


if __name__ == '__main__':
    main(Path(sys.argv[1]), sys.argv[2])
