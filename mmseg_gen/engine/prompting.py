"""From a config's classes, template or prompt file to the samples of a run."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmseg_gen.engine.planning import Sample, plan_images, plan_samples, plan_scenes
from mmseg_gen.engine.settings import SynthesisSettings
from mmseg_gen.errors import UserError

if TYPE_CHECKING:
    from mmseg_gen.generators.prompt_grammar import PromptGrammar
    from mmseg_gen.generators.prompts import Prompt


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
        return _from_prompts(settings)
    if not settings.prompted:
        return _without_prompts(settings)
    classes = resolve_classes(settings.classes)
    grammar = prompt_grammar(settings)
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


def prompt_grammar(settings: SynthesisSettings) -> PromptGrammar:
    """Return the grammar of the settings' ``template``.

    Raises:
        UserError: It is a dict with other keys than those of PromptGrammar.
    """
    from mmseg_gen.generators.prompt_grammar import PromptGrammar, embedded_grammar, photo_grammar

    template = settings.template
    if template is None:
        name = settings.generator if isinstance(settings.generator, str) else settings.generator.get('generator')
        template = 'embedded' if name == 'embedded' else 'photo'
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


def _without_prompts(settings: SynthesisSettings) -> RunPlan:
    if settings.objects is not None or settings.template is not None:
        raise UserError(
            'Expected no `synthesis.objects` and no `synthesis.template` with a generator without prompts, but got '
            'one; leave it out: several classes make label maps.'
        )
    classes = resolve_classes(settings.classes)
    names, count = [f'style mixing: {", ".join(classes)}'], settings.num_samples
    identity: dict[str, Any] = {'classes': classes, 'prompts': None}
    if settings.photos is not None:
        photos = _photo_names(settings.photos, count)
        identity['prompts'] = hashlib.sha256(json.dumps(photos).encode('utf-8')).hexdigest()
        names = photos[:count]
    else:
        names = names * (count or 0)
    if len(classes) > 1:
        identity['objects'] = [0, len(classes)]
    return RunPlan(plan_images(classes, names, settings.seed), classes, identity)


def _photo_names(folder: str, count: int | None) -> list[str]:
    from mmseg_gen.datasets.image_reading import list_images

    root = Path(folder).expanduser()
    if not root.is_dir():
        raise UserError(
            f'Expected photographs in `synthesis.generator.photos` = {folder}, but there is no such folder.'
        )
    names = [path.name for path in list_images(root)]
    if count is not None and count > len(names):
        raise UserError(
            f'Expected at least `synthesis.num_samples` = {count} photographs in {folder}, but got {len(names)}; lower '
            'it, or set it to None for all.'
        )
    return names


def _from_prompts(settings: SynthesisSettings) -> RunPlan:
    prompts = _listed_prompts(settings)
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


def _listed_prompts(settings: SynthesisSettings) -> list[Prompt]:
    from mmseg_gen.generators.prompts import read_prompts_jsonl

    if isinstance(settings.prompts, str):
        return read_prompts_jsonl(settings.prompts)
    import mmseg_gen.generators.written_prompts  # noqa: F401  (registers the writer)
    from mmseg_gen.registry import GENERATORS

    try:
        writer = GENERATORS.build(dict(settings.prompts))
    except (KeyError, TypeError) as error:
        raise UserError(
            f'Expected `synthesis.prompts` to describe a source of prompts, but got {settings.prompts}: {error}'
        ) from error
    return writer(resolve_classes(settings.classes), settings.generator, settings.revision)
