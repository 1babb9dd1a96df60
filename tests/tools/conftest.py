"""What the tests of the train and test tools share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tiny_models import save_tiny, tiny_parts
from tests.tools.tiny_training import tool, write_config, write_duts, write_synthetic


@pytest.fixture(scope='module')
def world(tmp_path_factory) -> Path:
    """A folder with a tiny generator, a synthetic set, DUTS, and a config trained for two iterations."""
    folder = tmp_path_factory.mktemp('world')
    save_tiny(folder / 'tiny', tiny_parts(clip=True))
    write_synthetic(folder / 'synthetic')
    write_duts(folder / 'DUTS')
    config = write_config(folder, 'tiny_config')
    assert tool('train').main([str(config)]) == 0
    return folder
