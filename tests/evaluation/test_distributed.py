"""Every metric gives in two processes what it gives in one, also where the loader repeats a sample."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).with_name('distributed_program.py')
# With 7 samples the second process gets one that the first has had.
COUNTS = (7, 8)
PREFIXES = {'binary', 'sal', 'boundary', 'loc', 'frechet', 'class', 'trimap', 'gain'}


@pytest.fixture(scope='module')
def scores(tmp_path_factory):
    folder = tmp_path_factory.mktemp('distributed')
    program = [sys.executable, str(PROGRAM), str(folder / 'scores.json'), '2', *map(str, COUNTS)]
    # MMEngine collects results in a folder of the working directory.
    done = subprocess.run(program, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads((folder / 'scores.json').read_text())


@pytest.mark.parametrize('index', range(len(COUNTS)), ids=lambda index: f'{COUNTS[index]} samples')
def test_two_processes_equal_one(scores, index):
    one = scores['one'][index]
    first, second = (part[index] for part in scores['several'])
    assert {name.split('/')[0] for name in one} == PREFIXES
    assert first == second
    assert first.keys() == one.keys()
    for name, value in one.items():
        # Counts are exact; sums of floating-point numbers may come in another order.
        exact = name.startswith(('class/', 'trimap/')) or name.endswith('_pooled')
        assert first[name] == (value if exact else pytest.approx(value, rel=1e-9, nan_ok=True)), name


def test_the_odd_sample_matters(scores):
    seven, eight = scores['one']
    changed = {name.split('/')[0] for name in seven if seven[name] != eight[name]}
    assert changed == PREFIXES, 'a metric that took the repeated sample twice might pass unnoticed'
