"""Run a distillation that is killed, and one of two processes that work together; imports are made once.

    python tests/engine/distillation_program.py KILLED_CONFIG ITERATION SHARED_CONFIG PORT

Prints the exit status of the killed process, then those of the two.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Mapping

from mmengine.config import Config
from mmengine.hooks import Hook

from mmseg_gen import components
from mmseg_gen.engine.distillation import distill
from mmseg_gen.generators import lora, saving
from mmseg_gen.registry import HOOKS


@HOOKS.register_module()
class KillingHook(Hook):
    priority = 'LOWEST'

    def __init__(self, iteration: int):
        self.iteration = iteration

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        if batch_idx + 1 == self.iteration:
            os.kill(os.getpid(), signal.SIGKILL)


def fork(config: Config, environment: Mapping[str, str]) -> int:
    """Distil in a child and return its number."""
    child = os.fork()
    if child:
        return child
    os.environ.update(environment)
    distill(config)
    sys.stdout.flush()
    os._exit(0)


# Named, so that they count as used: the children find them imported.
LOADED = (components, lora, saving)

if __name__ == '__main__':
    killed, iteration, shared, port = sys.argv[1:]
    first = Config.fromfile(killed)
    first.default_hooks['kill'] = dict(type='KillingHook', iteration=int(iteration))
    second = Config.fromfile(shared)
    places = dict(MASTER_ADDR='127.0.0.1', MASTER_PORT=port, WORLD_SIZE='2')
    children = [fork(first, {})]
    children += [fork(second, {**places, 'RANK': str(rank), 'LOCAL_RANK': str(rank)}) for rank in range(2)]
    print('statuses', *(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children))
