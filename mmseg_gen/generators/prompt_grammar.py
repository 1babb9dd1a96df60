"""Prompts drawn from templates: one class under many scenes, lights, views and styles."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, fields
from string import Formatter

import numpy as np

_SLOTS = {'scene': 'scenes', 'light': 'lights', 'view': 'views', 'style': 'styles'}
_ARTICLE = re.compile(r'\b([Aa])n?(?= +([A-Za-z]))')


@dataclass(frozen=True)
class PromptGrammar:
    """Templates with slots (``{class} {scene} {light} {view} {style}``) and what fills them.

    "a" before a vowel letter becomes "an" and the reverse.

    Attributes:
        templates: Each has ``{class}``.
        scenes: Values of ``{scene}``; likewise lights, views and styles.
        distinct: Draw again while two slots share a word ("a red car on a red background").

    Raises:
        ValueError: A template lacks ``{class}``, has an unknown slot, or one without values.
    """

    templates: Sequence[str] = ('a photo of a {class}',)
    scenes: Sequence[str] = ()
    lights: Sequence[str] = ()
    views: Sequence[str] = ()
    styles: Sequence[str] = ()
    distinct: bool = False

    def __post_init__(self) -> None:
        for field in fields(self):
            if field.name != 'distinct' and isinstance(getattr(self, field.name), str):
                raise ValueError(f'Expected `{field.name}` to be a list of texts, but got a single text.')
        if not self.templates:
            raise ValueError('Expected `templates` to hold at least one, but got none.')
        for template in self.templates:
            slots = _slots(template)
            if 'class' not in slots:
                raise ValueError(f'Expected each template to have {{class}}, but got {template!r}.')
            for slot in set(slots) - {'class'}:
                if slot not in _SLOTS:
                    raise ValueError(
                        f'Expected slots from class, {", ".join(_SLOTS)}, but got {{{slot}}} in {template!r}.'
                    )
                if not getattr(self, _SLOTS[slot]):
                    raise ValueError(f'Expected `{_SLOTS[slot]}` to hold values for {template!r}, but got none.')

    def draw(self, class_name: str, seed: int) -> str:
        """Return one prompt, a function of the class and the seed only.

        Args:
            class_name: What to call the object.
            seed: In [0, 2^63).
        """
        rng = np.random.default_rng(seed)
        for _ in range(100):
            template = _pick(rng, self.templates)
            values = {slot: _pick(rng, getattr(self, _SLOTS[slot])) for slot in _SLOTS if slot in _slots(template)}
            words = [w for v in (*values.values(), class_name) for w in v.lower().split()]
            if not self.distinct or len(set(words)) == len(words):
                break
        return with_articles(template.format(**values, **{'class': class_name}))


def with_articles(text: str) -> str:
    """Return the text with "a" before consonant and "an" before vowel letters.

    Example:
        >>> with_articles('a photo of a orange car')
        'a photo of an orange car'
    """
    return _ARTICLE.sub(lambda m: m[1] + ('n' if m[2].lower() in 'aeiou' else ''), text)


def embedded_grammar() -> PromptGrammar:
    """Return the grammar of the embedded scenes' captions, in which the embedded models were trained."""
    from .embedded.backgrounds import BACKGROUNDS, COLORS

    pairs = [f'{a} {b}' for a in COLORS for b in COLORS if a != b]
    mixed = [f'{pair} {kind}' for kind in BACKGROUNDS if kind != 'plain' for pair in pairs]
    # As many plain scenes as of any other kind.
    plain = [f'{color} plain' for color in COLORS] * (len(pairs) // len(COLORS))
    return PromptGrammar(
        ('a photo of a {style} {class} on a {scene} background',),
        scenes=(*plain, *mixed),
        styles=tuple(COLORS),
        distinct=True,
    )


def photo_grammar() -> PromptGrammar:
    """Return a grammar for photographs of everyday objects."""
    return PromptGrammar(
        templates=('{style} of a {class} {scene}, {light}, {view}', '{style} of a {class} {scene}',
                   '{style} of a {class}'),
        scenes=('in a meadow', 'on a city street', 'in a living room', 'on a beach', 'in a forest',
                'in the snow', 'in front of a brick wall', 'on a wooden floor', 'near a lake', 'in a garden'),
        lights=('soft daylight', 'golden hour', 'overcast sky', 'night lights', 'backlight', 'indoor light'),
        views=('close-up', 'wide shot', 'side view', 'front view', 'from above', 'eye level'),
        styles=('a photo', 'a realistic photo', 'a snapshot', 'a high quality photo'),
    )  # fmt: skip


def _pick(rng: np.random.Generator, values: Sequence[str]) -> str:
    return values[int(rng.integers(len(values)))]


def _slots(template: str) -> list[str]:
    return [slot for _, slot, _, _ in Formatter().parse(template) if slot is not None]
