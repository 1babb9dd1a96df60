import json

import pytest
import torch

from mmseg_gen.cli.main import main
from mmseg_gen.errors import UserError
from mmseg_gen.generators.language_model import LanguageModel, load_language_model
from mmseg_gen.generators.prompt_generation import PromptWriting, clean_prompt, write_prompt_file, write_prompts
from mmseg_gen.generators.prompts import Prompt, read_prompts_jsonl
from tests.tiny_language_model import save_gpt2, tiny_gpt2
from tests.tiny_models import TOKEN_LIMIT, save_tiny, tiny_tokenizer

ORIGIN = {'model': 'fake', 'generator': 'tiny'}


class Fake:
    """Answers with given texts in turn and notes what it was asked."""

    def __init__(self, *texts):
        self.texts, self.asked = list(texts), []

    def __call__(self, instruction, start, count, seed):
        self.asked.append((instruction, start, count, seed))
        first = (len(self.asked) - 1) * count
        return [self.texts[(first + i) % len(self.texts)] for i in range(count)]


class Counting:
    """Answers with a new number each time, a function of class and seed."""

    def __init__(self, failing=None):
        self.failing, self.calls = failing, 0

    def __call__(self, instruction, start, count, seed):
        self.calls += 1
        if self.failing and self.failing in start:
            raise RuntimeError('stopped')
        return [f' {(seed + i) % 10**6}' for i in range(count)]


@pytest.mark.parametrize(
    ('text', 'expected'),
    [
        ('a cat\nand more', 'a cat'),
        ('\n\n  - "a cat on  an sofa."', 'a cat on a sofa'),
        ('12. a orange cat;', 'an orange cat'),
        ('2 cats', '2 cats'),
        ('  ', ''),
    ],
)
def test_answers_are_cleaned(text, expected):
    assert clean_prompt(text) == expected


def test_only_prompts_that_name_their_class_in_time_are_kept_once():
    late = ' and'.join(['a dog'] * TOKEN_LIMIT) + ' and a cat'
    writer = Fake('a dog', 'a cat', 'A CAT.', '"a cat"', 'two cats', late, 'a red cat\na dog', '', 'a cat and a dog')
    settings = PromptWriting(start='', batch=4)
    found = write_prompts(writer, 'cat', 3, tiny_tokenizer(), settings)
    assert found == ['a cat', 'a red cat', 'a cat and a dog']
    instruction, start, count, _ = writer.asked[0]
    assert (start, count) == ('', 4)
    assert 'photos of a cat' in instruction
    assert len({seed for *_, seed in writer.asked}) == len(writer.asked)


def test_a_class_of_several_words_and_its_article():
    settings = PromptWriting(start='a photo of a {class}')
    assert write_prompts(Fake(' and a dog'), 'orange potted plant', 1, tiny_tokenizer(), settings) == [
        'a photo of an orange potted plant and a dog'
    ]


def test_fewer_prompts_are_the_beginning_of_more():
    few, many = (write_prompts(Counting(), 'cat', n, tiny_tokenizer(), PromptWriting(batch=4)) for n in (3, 9))
    assert many[:3] == few
    assert len(set(many)) == 9
    other = write_prompts(Counting(), 'cat', 3, tiny_tokenizer(), PromptWriting(batch=4, seed=1))
    assert set(other).isdisjoint(few)


def test_a_model_that_repeats_itself_is_an_error():
    writer = Fake('a cat', 'a dog')
    with pytest.raises(UserError, match="2 different prompts that name 'cat', but the model gave 1 in 10 tries each"):
        write_prompts(writer, 'cat', 2, tiny_tokenizer(), PromptWriting(start='', batch=8))
    assert sum(count for _, _, count, _ in writer.asked) == 24


@pytest.mark.parametrize(
    'wrong', [{'instruction': 'x', 'start': 'y'}, {'temperature': 0.0}, {'top_p': 1.1}, {'batch': 0}, {'tries': 0}]
)
def test_wrong_settings_are_refused(wrong):
    with pytest.raises(UserError, match='Expected'):
        PromptWriting(**wrong)
    with pytest.raises(UserError, match='`count`'):
        write_prompts(Counting(), 'cat', 0, tiny_tokenizer())


def test_a_file_goes_on_where_it_stopped_and_is_read_back(tmp_path):
    path, settings, tokenizer = tmp_path / 'deep' / 'prompts.jsonl', PromptWriting(batch=4), tiny_tokenizer()

    def write(writer, classes, count):
        return write_prompt_file(path, writer, classes, count, tokenizer, settings, ORIGIN)

    with pytest.raises(RuntimeError, match='stopped'):
        write(Counting(failing='dog'), ['cat', 'dog'], 2)
    # The class that was finished is there, and no leftover.
    assert [p.class_name for p in read_prompts_jsonl(path)] == ['cat', 'cat']
    assert [p.name for p in path.parent.iterdir()] == ['prompts.jsonl']
    writer = Counting()
    assert len(write(writer, ['cat', 'dog'], 2)) == 4
    assert writer.calls == 1
    expected = {name: write_prompts(Counting(), name, 3, tokenizer, settings) for name in ('cat', 'dog')}
    turns = [Prompt(expected[name][i], name) for i in range(2) for name in ('cat', 'dog')]
    assert read_prompts_jsonl(path) == turns
    before = path.read_bytes()
    assert len(write(Counting(failing='photo'), ['cat', 'dog'], 2)) == 4
    assert path.read_bytes() == before
    assert write(Counting(), ['cat', 'dog'], 3) == read_prompts_jsonl(path)
    assert read_prompts_jsonl(path) == [*turns, *(Prompt(expected[name][2], name) for name in ('cat', 'dog'))]


@pytest.mark.parametrize('change', [{'seed': 1}, {'temperature': 0.5}, {'start': 'the {class}'}, {'origin': 'other'}])
def test_a_file_of_other_settings_is_left_alone(tmp_path, change):
    path = tmp_path / 'prompts.jsonl'
    write_prompt_file(path, Counting(), ['cat'], 2, tiny_tokenizer(), PromptWriting(), ORIGIN)
    before = path.read_bytes()
    origin = {'model': 'other'} if change.pop('origin', None) else ORIGIN
    with pytest.raises(UserError, match='written by the same models and settings, but line 1 is not'):
        write_prompt_file(path, Counting(), ['dog'], 2, tiny_tokenizer(), PromptWriting(**change), origin)
    assert path.read_bytes() == before
    # How often to try decides nothing that is already there.
    settings = PromptWriting(tries=20)
    assert len(write_prompt_file(path, Counting(), ['cat'], 2, tiny_tokenizer(), settings, ORIGIN)) == 2


@pytest.mark.parametrize('line', ['{"prompt": "a cat", "class": "cat"}', 'not json', '[1]'])
def test_a_file_of_ones_own_is_left_alone(tmp_path, line):
    path = tmp_path / 'mine.jsonl'
    path.write_text(line + '\n')
    with pytest.raises(UserError, match='line 1 is none; name another file'):
        write_prompt_file(path, Counting(), ['cat'], 2, tiny_tokenizer(), PromptWriting(), ORIGIN)
    assert path.read_text() == line + '\n'


def test_a_language_model_answers_as_its_seed_says():
    writer = LanguageModel(*tiny_gpt2(), max_new_tokens=6)
    state = torch.get_rng_state()
    first, again, other = (writer('Captions:\n', 'a photo of a cat', 5, seed) for seed in (1, 1, 2))
    assert first == again
    assert first != other
    assert len(set(first)) == 5
    assert torch.equal(torch.get_rng_state(), state)
    model, tokenizer = tiny_gpt2()
    ids = tokenizer('Captions:\na photo of a cat', return_tensors='pt').input_ids
    options = dict(do_sample=True, max_new_tokens=6, num_return_sequences=5, top_p=0.9, top_k=0, pad_token_id=0)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        expected = model.eval().generate(ids, attention_mask=torch.ones_like(ids), **options)
    assert first == tokenizer.batch_decode(expected[:, ids.shape[1] :], skip_special_tokens=True)


def test_a_chat_template_gets_the_instruction():
    template = "{% for m in messages %}<{{ m['role'] }}>{{ m['content'] }}{% endfor %}<answer>"
    writer = LanguageModel(*tiny_gpt2(template), max_new_tokens=4)
    seen = []
    generate = writer.model.generate
    writer.model.generate = lambda ids, **options: (
        seen.append(writer.tokenizer.decode(ids[0])),
        generate(ids, **options),
    )[1]
    assert len(writer('Say a {class}.', 'a cat', 2, 0)) == 2
    assert seen == ['<user>Say a {class}.<answer>a cat']


@pytest.fixture(scope='module')
def folders(tmp_path_factory):
    folder = tmp_path_factory.mktemp('models')
    return save_gpt2(folder / 'gpt2'), save_tiny(folder / 'sd')


def test_the_command_writes_a_file_of_prompts(folders, tmp_path, capsys):
    path = tmp_path / 'prompts.jsonl'
    arguments = ['prompts', str(path), '--model', str(folders[0]), '--generator', str(folders[1]), '--count', '3',
                 '--max-new-tokens', '4', '--classes', 'cat', 'potted plant']  # fmt: skip
    assert main(arguments) == 0
    assert f'6 prompts in {path}' in capsys.readouterr().out
    found = read_prompts_jsonl(path)
    assert [p.class_name for p in found] == ['cat', 'potted plant'] * 3
    assert all(p.text.startswith(f'a photo of a {p.class_name}') for p in found)
    assert len({p.text for p in found}) == 6
    rows = [json.loads(line) for line in path.read_text(encoding='utf-8').splitlines()]
    assert len({row['settings'] for row in rows}) == 1
    before = path.read_bytes()
    path.unlink()
    assert main(arguments) == 0
    assert path.read_bytes() == before
    assert main([*arguments, '--seed', '1']) == 2
    assert 'name another file' in capsys.readouterr().err


def test_a_model_that_is_not_there_or_a_pickle_is_refused(folders, tmp_path):
    with pytest.raises(UserError, match=r'causal language model at no-one/nothing.*hf download no-one/nothing'):
        load_language_model('no-one/nothing')
    model, _ = tiny_gpt2()
    torch.save(model.state_dict(), tmp_path / 'pytorch_model.bin')
    model.config.save_pretrained(tmp_path)
    with pytest.raises(UserError, match='as safetensors on this machine'):
        load_language_model(tmp_path)
    with pytest.raises(UserError, match='`device`'):
        load_language_model(folders[0], device='abacus')
