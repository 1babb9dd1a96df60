"""Which samples a run consists of, and in which batches they are made."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from mmseg_gen.engine.seeding import sample_rng, sample_seed
from mmseg_gen.errors import UserError


@dataclass(frozen=True)
class Sample:
    """One sample to generate: its position in the set, class, prompt and own seed.

    In sets of several classes ``class_names`` are all that the prompt names, ``class_name`` the first of them, and
    ``class_ids`` their labels; both are empty in sets of one class.
    """

    index: int
    class_name: str
    prompt: str
    seed: int
    class_names: tuple[str, ...] = ()
    class_ids: tuple[int, ...] = ()

    @property
    def name(self) -> str:
        """Stem of the sample's files."""
        return f'{self.index:06d}_{re.sub(r"[^a-z0-9]+", "-", self.class_name.lower()).strip("-") or "class"}'


def plan_samples(
    classes: Sequence[str], count: int, run_seed: int, prompt_of: Callable[[int, str, int], str]
) -> list[Sample]:
    """Return samples 0 .. ``count`` - 1, classes in turn; a longer plan begins with the shorter one.

    Args:
        classes: Class names.
        count: Number of samples.
        run_seed: Seed of the run.
        prompt_of: Gives the prompt for (index, class name, sample seed).

    Raises:
        UserError: There is no class, or a prompt does not name its class.
    """
    if not classes:
        raise UserError('Expected `synthesis.classes` to name at least one class, but got none.')
    samples = []
    for index in range(count):
        class_name = classes[index % len(classes)]
        seed = sample_seed(run_seed, class_name, index)
        prompt = prompt_of(index, class_name, seed)
        if class_name.lower() not in prompt.lower():
            raise UserError(f'Expected the prompt to name its class {class_name!r}, but got {prompt!r}.')
        samples.append(Sample(index, class_name, prompt, seed))
    return samples


def plan_scenes(
    classes: Sequence[str],
    objects: tuple[int, int],
    count: int,
    run_seed: int,
    prompt_of: Callable[[tuple[str, ...], int], str],
) -> list[Sample]:
    """Return samples of several classes each; a longer plan begins with the shorter one.

    Every class is the first of a sample in turn; the others are drawn at random, each once.

    Args:
        classes: Class names; the label of the first is 1.
        objects: Least and greatest number of classes in a prompt.
        count: Number of samples.
        run_seed: Seed of the run.
        prompt_of: Gives the prompt for (class names, sample seed).

    Raises:
        UserError: There are fewer classes than a prompt shall name, or more than a label map can hold.
    """
    if not objects[1] <= len(classes) <= 254:
        raise UserError(
            f'Expected `synthesis.classes` to hold {objects[1]} to 254 classes for `synthesis.objects` = '
            f'{tuple(objects)}, but got {len(classes)}.'
        )
    samples = []
    for index in range(count):
        first = index % len(classes)
        seed = sample_seed(run_seed, classes[first], index)
        rng = sample_rng(seed, 'objects')
        others = np.delete(np.arange(len(classes)), first)
        number = int(rng.integers(objects[0], objects[1] + 1))
        ids = [first, *rng.choice(others, number - 1, replace=False).tolist()]
        names = tuple(classes[i] for i in ids)
        samples.append(Sample(index, names[0], prompt_of(names, seed), seed, names, tuple(i + 1 for i in ids)))
    return samples


def plan_images(classes: Sequence[str], names: Sequence[str], run_seed: int) -> list[Sample]:
    """Return samples of a generator without prompts; a longer plan begins with the shorter one.

    Args:
        classes: The set's classes: one for masks, several for label maps, in which any of them may occur.
        names: What each sample is made from, in place of a prompt.
        run_seed: Seed of the run.

    Raises:
        UserError: There are more classes than a label map can hold.
    """
    if len(classes) > 254:
        raise UserError(f'Expected `synthesis.classes` to hold at most 254 classes, but got {len(classes)}.')
    several = len(classes) > 1
    ids = tuple(range(1, len(classes) + 1)) if several else ()
    return [
        Sample(
            index, classes[0], name, sample_seed(run_seed, classes[0], index), tuple(classes) if several else (), ids
        )
        for index, name in enumerate(names)
    ]


def plan_batches(samples: Sequence[Sample], first: int, size: int) -> list[list[Sample]]:
    """Return consecutive batches, the first of ``first`` samples, the others of ``size``.

    A batch depends on indices alone, not on where a run was interrupted: networks round differently in
    batches of different make-up, and a resumed run has to give the same bytes.
    """
    starts = [0, *range(first, len(samples), size)]
    return [list(samples[a:b]) for a, b in zip(starts, [*starts[1:], len(samples)], strict=True)]
