import itertools

import pytest

from mmseg_gen.generators.embedded.architecture import CAPTION_WORDS
from mmseg_gen.generators.prompt_grammar import PromptGrammar, embedded_grammar, photo_grammar, with_articles

GRAMMAR = PromptGrammar(
    ('{style} of a {class} {scene}, {light}, {view}',),
    scenes=('indoors', 'outdoors'),
    lights=('day', 'night'),
    views=('near', 'far'),
    styles=('photo', 'drawing'),
)


def test_every_combination_is_drawn_and_depends_on_the_seed_alone():
    drawn = [GRAMMAR.draw('owl', seed) for seed in range(300)]
    assert drawn == [GRAMMAR.draw('owl', seed) for seed in range(300)]
    slots = (GRAMMAR.styles, GRAMMAR.scenes, GRAMMAR.lights, GRAMMAR.views)
    expected = {
        f'{style} of an owl {scene}, {light}, {view}' for style, scene, light, view in itertools.product(*slots)
    }
    assert set(drawn) == expected


def test_the_default_is_the_plain_prompt():
    assert PromptGrammar().draw('cat', 0) == 'a photo of a cat'


@pytest.mark.parametrize(
    ('text', 'expected'),
    [
        ('a owl', 'an owl'),
        ('an cat', 'a cat'),
        ('A owl and a red owl', 'An owl and a red owl'),
        ('a  2 owls', 'a  2 owls'),
    ],
)
def test_articles(text, expected):
    assert with_articles(text) == expected


def test_embedded_prompts_use_known_words_and_no_color_twice():
    grammar, kinds = embedded_grammar(), set()
    for seed in range(200):
        words = grammar.draw('car', seed).split()
        assert set(words) <= set(CAPTION_WORDS)
        colors = [w for w in words if w not in ('a', 'an')]
        assert len(set(colors)) == len(colors)
        kinds.add(words[-2])
    assert kinds == {'plain', 'horizon', 'striped', 'cloudy'}


def test_photo_prompts_name_the_class():
    assert all('golden retriever' in photo_grammar().draw('golden retriever', seed) for seed in range(50))


@pytest.mark.parametrize(
    ('settings', 'message'),
    [
        (dict(templates=()), 'at least one'),
        (dict(templates='a {class}'), 'list of texts'),
        (dict(templates=('a cat',)), r'have \{class\}'),
        (dict(templates=('a {class} {mood}',)), r'slots from class.*\{mood\}'),
        (dict(templates=('a {class} {scene}',)), '`scenes` to hold values'),
    ],
)
def test_wrong_grammars_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        PromptGrammar(**settings)
