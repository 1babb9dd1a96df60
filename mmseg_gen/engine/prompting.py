"""From a config's classes, template or prompt file to the samples of a run."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mmseg_gen.engine.planning import Sample, plan_samples, plan_scenes
from mmseg_gen.engine.settings import SynthesisSettings
from mmseg_gen.errors import UserError


@dataclass(frozen=True)
class RunPlan:
    """The samples of a run.

    Attributes:
        samples: In order of index.
        classes: Class names that occur, as prompts call them.
        identity: What the classes and prompts were resolved to, for ``meta.json``.
    """

    samples: list[Sample]
    classes: list[str]
    identity: dict[str, Any]


def plan_run(settings: SynthesisSettings) -> RunPlan:
    """Return the samples that the settings ask for.

    Raises:
        UserError: There is no class, a name is unknown, or the template does not fit.
    """
    if settings.prompts is not None:
        return _from_file(settings)
    classes = resolve_classes(settings.classes)
    grammar = _grammar(settings)
    if settings.objects is not None:
        scenes = plan_scenes(
            classes,
            settings.objects,
            settings.num_samples,
            settings.seed,
            lambda names, seed: grammar.draw(' and a '.join(names), seed),
        )
        return RunPlan(scenes, classes, {'classes': classes, 'prompts': None})
    samples = plan_samples(
        classes, settings.num_samples, settings.seed, lambda index, name, seed: grammar.draw(name, seed)
    )
    return RunPlan(samples, classes, {'classes': classes, 'prompts': None})


def resolve_classes(classes: str | Sequence[str]) -> list[str]:
    """Return class names as prompts call them, each once.

    Args:
        classes: Names, or the name or file of a list; see
            :func:`mmseg_gen.generators.class_lists.class_list`.

    Raises:
        UserError: There is none, or one is not a text.
    """
    from mmseg_gen.generators.class_lists import class_list

    if isinstance(classes, str):
        return list(dict.fromkeys(item.words for item in class_list(classes)))
    names = list(dict.fromkeys(classes))
    wrong = [name for name in names if not isinstance(name, str) or not name.strip()]
    if not names or wrong:
        raise UserError(f'Expected `synthesis.classes` to hold texts, at least one, but got {list(classes)!r}.')
    return names


def _grammar(settings: SynthesisSettings):
    from mmseg_gen.generators.prompt_grammar import PromptGrammar, embedded_grammar, photo_grammar

    template = settings.template
    if template is None:
        template = 'embedded' if settings.generator == 'embedded' else 'photo'
    if template in ('embedded', 'photo'):
        return embedded_grammar() if template == 'embedded' else photo_grammar()
    if isinstance(template, Mapping):
        try:
            return PromptGrammar(**template)
        except TypeError as error:
            raise UserError(
                f'Expected `synthesis.template` with the keys of PromptGrammar, but got: {error}'
            ) from error
    return PromptGrammar(templates=(template,) if isinstance(template, str) else tuple(template))


def _from_file(settings: SynthesisSettings) -> RunPlan:
    from mmseg_gen.generators.prompts import read_prompts_jsonl

    prompts = read_prompts_jsonl(settings.prompts)
    names = [prompt.class_name for prompt in prompts]
    samples = plan_samples(
        names,
        settings.num_samples,
        settings.seed,
        lambda index, name, seed: prompts[index % len(prompts)].text,
    )
    text = json.dumps([[prompt.text, prompt.class_name] for prompt in prompts])
    classes = list(dict.fromkeys(names))
    return RunPlan(samples, classes, {'classes': classes, 'prompts': hashlib.sha256(text.encode('utf-8')).hexdigest()})
