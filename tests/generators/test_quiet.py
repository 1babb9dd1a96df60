import pytest
from diffusers.utils import logging as diffusers_logging
from transformers.utils import logging as transformers_logging

from mmseg_gen.generators.quiet import quiet_loading


def _settings():
    bars = transformers_logging.is_progress_bar_enabled()
    return diffusers_logging.get_verbosity(), transformers_logging.get_verbosity(), bars


def _fail_inside(seen):
    with quiet_loading():
        seen.append(_settings())
        raise RuntimeError('inside')


def test_settings_are_put_back_also_after_an_error():
    before, seen = _settings(), []
    with pytest.raises(RuntimeError, match='inside'):
        _fail_inside(seen)
    assert seen == [(diffusers_logging.ERROR, transformers_logging.ERROR, False)]
    assert _settings() == before
