import json

import pytest

from mmseg_gen.errors import UserError
from mmseg_gen.generators.prompts import Prompt, class_token_positions, read_prompts_jsonl
from tests.tiny_models import TOKEN_LIMIT, tiny_tokenizer


class Slow:
    """A tokenizer without character offsets, as in transformers 4."""

    is_fast, model_max_length = False, TOKEN_LIMIT

    def __call__(self, text, truncation):
        return tiny_tokenizer()(text, truncation=truncation)


@pytest.fixture(params=['fast', 'slow'])
def tokenizer(request):
    return tiny_tokenizer() if request.param == 'fast' else Slow()


@pytest.mark.parametrize(
    ('prompt', 'name', 'expected'),
    [
        ('a photo of a cat', 'cat', [5]),
        ('a photo of a Cat', 'cat', [5]),
        ('a  photo of   a CAT.', 'cat', [5]),
        ('cat', 'cat', [1]),
        ('a cat and a dog and a cat', 'cat', [2, 8]),
        # Each word of the tiny vocabulary is one token.
        ('a red potted plant', 'potted plant', [3, 4]),
        ('a red  Potted   plant', 'potted plant', [3, 4]),
        # Unmerged words fall back to one token a letter.
        ('a photo of a zebra', 'zebra', [5, 6, 7, 8, 9]),
        ('a red fox bird', 'fox bird', [3, 4, 5, 6]),
        ('a café, a cat', 'cat', [9]),
    ],
)
def test_positions_of_a_class(tokenizer, prompt, name, expected):
    found = class_token_positions(tokenizer, prompt, name)
    assert found == expected
    tokens = tiny_tokenizer().convert_ids_to_tokens(tiny_tokenizer()(prompt).input_ids)
    spelled = ''.join(tokens[i].replace('</w>', ' ') for i in found).split()
    assert set(spelled) == set(name.lower().split())


@pytest.mark.parametrize(('prompt', 'name'), [('two cats', 'cat'), ('a dog', 'cat'), ('a plant', 'potted plant')])
def test_a_class_that_is_absent_is_an_error(tokenizer, prompt, name):
    with pytest.raises(UserError, match=f"name its class '{name}', but got '{prompt}'"):
        class_token_positions(tokenizer, prompt, name)


def test_a_class_beyond_the_limit_is_an_error(tokenizer):
    room = TOKEN_LIMIT - 2
    assert class_token_positions(tokenizer, 'a ' * (room - 1) + 'cat', 'cat') == [room]
    for text in ('a ' * room + 'cat', 'a ' * (room - 2) + 'zebra'):
        name = text.split()[-1]
        with pytest.raises(UserError, match=f'{name}.*first {room} tokens.*cut off'):
            class_token_positions(tokenizer, text, name)
    # A later mention that is cut off does not count.
    assert class_token_positions(tokenizer, 'cat ' + 'a ' * room + 'cat', 'cat') == [1]


def test_an_empty_class_is_an_error(tokenizer):
    with pytest.raises(UserError, match='class name'):
        class_token_positions(tokenizer, 'a cat', '  ')


def test_prompts_of_ones_own_are_read(tmp_path):
    path = tmp_path / 'mine.jsonl'
    lines = [{'prompt': 'a café cat', 'class': 'cat'}, {'prompt': 'a dog', 'class': 'dog', 'note': 1}]
    path.write_text('\n'.join(json.dumps(e, ensure_ascii=False) for e in lines) + '\n\n', encoding='utf-8')
    assert read_prompts_jsonl(path) == [Prompt('a café cat', 'cat'), Prompt('a dog', 'dog')]


@pytest.mark.parametrize('line', ['not json', '[]', '3', '{"prompt": "a cat"}', '{"prompt": "a cat", "class": " "}'])
def test_wrong_lines_are_named(tmp_path, line):
    path = tmp_path / 'mine.jsonl'
    path.write_text('{"prompt": "a dog", "class": "dog"}\n' + line)
    with pytest.raises(UserError, match=r'mine\.jsonl:2'):
        read_prompts_jsonl(path)


def test_empty_and_absent_files_are_errors(tmp_path):
    (tmp_path / 'empty.jsonl').write_text('\n')
    with pytest.raises(UserError, match='at least one prompt'):
        read_prompts_jsonl(tmp_path / 'empty.jsonl')
    with pytest.raises(FileNotFoundError):
        read_prompts_jsonl(tmp_path / 'absent.jsonl')
