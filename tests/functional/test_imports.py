import pkgutil
import subprocess
import sys

from mmseg_gen import functional

PROGRAM = """
import importlib, sys
for name in ('mmcv', 'mmseg', 'mmengine', 'diffusers', 'transformers'):
    sys.modules[name] = None
for name in sys.argv[1:]:
    importlib.import_module('mmseg_gen.functional.' + name)
"""


def test_functional_imports_without_mmseg_diffusers_or_transformers(repository):
    names = [module.name for module in pkgutil.iter_modules(functional.__path__)]
    assert {'attention_cut', 'noise', 'crf', 'saliency'} <= set(names)
    command = [sys.executable, '-c', PROGRAM, *names]
    done = subprocess.run(command, cwd=repository, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
