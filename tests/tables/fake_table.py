"""A table of made-up scores, for the mechanism alone."""

from __future__ import annotations

import numpy as np

from mmseg_gen.tables.contract import Claim, Paper, Scores

TITLE = 'A fake'
PAPER = Paper('Nobody, Tab. 1', ('Acc', 'IoU'), {'good': (0.9, None), 'unseen': (0.1, 0.2)})
CLAIMS = [Claim('good', 'bad'), Claim('bad', 'good', 'iou_pooled'), Claim('good', 'same', 'iou')]
NOTE = 'Made up.'
CALLS: list[str] = []


def scores(count, shift):
    rng = np.random.default_rng(3)
    union = rng.integers(50, 90, (count, 1)).astype(float)
    iou = rng.uniform(0.3, 0.6, count) + shift
    return Scores({'iou': iou}, {'iou_pooled': np.stack([union * iou[:, None], union], -1)})


def run(context):
    count = context.choose(40, 12)

    def row(name, shift):
        def compute():
            CALLS.append(name)
            return scores(count, shift)

        return context.row(name, {'scenes': count, 'shift': shift}, compute)

    return [row('bad', 0.0), row('good', 0.2), row('same', 0.2)]
