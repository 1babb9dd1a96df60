"""The worked example of CONTRIBUTING.md does what it says."""

from __future__ import annotations

import importlib
import re
import sys

import pytest
import torch

from mmseg_gen.registry import MODELS

BLOCK = re.compile(r'```python\n# (\S+\.py)\n(.*?)```', re.DOTALL)
NAMES = ['cosine.py', 'cosine_head.py', 'test_cosine.py', 'config.py']


@pytest.fixture(scope='module')
def example(tmp_path_factory, repository):
    """Folder of the example's files, importable; what it registered is taken back afterwards."""
    folder = tmp_path_factory.mktemp('example')
    blocks = BLOCK.findall((repository / 'CONTRIBUTING.md').read_text(encoding='utf-8'))
    assert [name for name, _ in blocks] == [f'example_project/{name}' for name in NAMES]
    for name, source in blocks:
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(source, encoding='utf-8')
    sys.path.insert(0, str(folder))
    yield folder / 'example_project'
    sys.path.remove(str(folder))
    MODELS.module_dict.pop('CosineHead', None)
    for name in [name for name in sys.modules if name.startswith('example_project')]:
        del sys.modules[name]


def test_the_tests_of_the_example_pass(example):
    torch.manual_seed(0)
    module = importlib.import_module('example_project.test_cosine')
    tests = [value for name, value in vars(module).items() if name.startswith('test_')]
    assert len(tests) == 4
    for test in tests:
        test()


def test_the_config_of_the_example_builds_and_predicts(example):
    from mmengine.config import Config
    from mmengine.registry import DefaultScope

    config = Config.fromfile(example / 'config.py')
    with DefaultScope.overwrite_default_scope('mmseg'):
        model = MODELS.build(config.model).eval()
    assert type(model.decode_head).__name__ == 'CosineHead'
    with torch.no_grad():
        logits = model(torch.rand(2, 3, 32, 48), mode='tensor')
    assert logits.shape == (2, 3, 32, 48)
    assert logits.abs().max() <= 10 + 1e-4


def test_nothing_but_the_marked_blocks_is_python(example, repository):
    text = (repository / 'CONTRIBUTING.md').read_text(encoding='utf-8')
    assert text.count('```python') == len(BLOCK.findall(text))
