from __future__ import annotations

import importlib.util

import pytest
import torch

from mmseg_gen.generators.stylegan2 import load_stylegan2
from tests.generators.stylegan2.foreign_checkpoints import write_nvidia, write_rosinality
from tests.generators.stylegan2.tiny_stylegan2 import tiny_generator


@pytest.fixture(scope='module')
def convert(repository):
    spec = importlib.util.spec_from_file_location('convert_stylegan2', repository / 'tools' / 'convert_stylegan2.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.main


@pytest.mark.parametrize('write', [write_rosinality, write_nvidia])
def test_a_converted_checkpoint_draws_the_same_images(tmp_path, convert, capsys, write):
    model = tiny_generator(8)
    write(model, tmp_path / 'source')
    out = tmp_path / 'new' / 'g.safetensors'
    assert convert([str(tmp_path / 'source'), str(out)]) == 0
    assert '8 x 8 pixels, 4 layers' in capsys.readouterr().out
    z = torch.randn(2, 6, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(load_stylegan2(out)(z, truncation=0.5), model(z, truncation=0.5))


def test_errors_are_one_line(tmp_path, convert, capsys):
    (tmp_path / 'bad.pkl').write_bytes(b'cos\nsystem\n(S"true"\ntR.')
    (tmp_path / 'there.safetensors').write_bytes(b'mine')
    cases = [('bad.pkl', 'g.safetensors', 'os.system'), ('bad.pkl', 'g.pt', '.safetensors'),
             ('bad.pkl', 'there.safetensors', 'another name'), ('none.pkl', 'g.safetensors', 'none.pkl')]  # fmt: skip
    for source, out, text in cases:
        assert convert([str(tmp_path / source), str(tmp_path / out)]) == 2
        lines = capsys.readouterr().err.splitlines()
        assert len(lines) == 1
        assert text in lines[0]
    assert (tmp_path / 'there.safetensors').read_bytes() == b'mine'
    assert not (tmp_path / 'g.safetensors').exists()
