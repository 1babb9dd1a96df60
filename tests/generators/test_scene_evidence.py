from __future__ import annotations

import pytest

from mmseg_gen.errors import UserError
from mmseg_gen.generators.scene_evidence import scene_token_positions
from tests.tiny_models import tiny_tokenizer


def test_words_inside_other_classes_belong_to_those():
    tokenizer = tiny_tokenizer()
    prompt = 'a photo of a red dog and a dog'
    together = scene_token_positions(tokenizer, prompt, ['dog', 'red dog'])
    assert together == [[9], [5, 6]]
    with pytest.raises(UserError, match="name 'dog' by itself"):
        scene_token_positions(tokenizer, 'a photo of a red dog', ['dog', 'red dog'])
