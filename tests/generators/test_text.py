import logging

import pytest
import torch

from mmseg_gen.generators.text import encode_prompts
from tests.tiny_models import TOKEN_LIMIT, WIDTH, tiny_parts, tiny_pipeline


@pytest.fixture(scope='module')
def parts():
    return tiny_parts()


def test_equals_the_pipeline_of_diffusers(parts):
    prompts = ['a photo of a cat', '', 'zebra ' * 20]
    expected, _ = tiny_pipeline(parts).encode_prompt(prompts, 'cpu', 1, False)
    found = encode_prompts(parts, prompts)
    assert found.shape == (3, TOKEN_LIMIT, WIDTH)
    torch.testing.assert_close(found, expected)


def test_a_prompt_that_is_cut_is_logged(parts, caplog):
    with caplog.at_level(logging.WARNING):
        encode_prompts(parts, ['a cat'])
        assert not caplog.records
        encode_prompts(parts, ['zebra ' * 20])
    assert 'only the first 16 count' in caplog.text


def test_wrong_prompts_are_refused(parts):
    with pytest.raises(ValueError, match='at least one text'):
        encode_prompts(parts, [])
    with pytest.raises(TypeError, match='list of texts'):
        encode_prompts(parts, 'a cat')
