"""From a recorder to the evidence of every class that a prompt names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mmseg_gen.errors import UserError
from mmseg_gen.functional.scene_evidence import SceneEvidence

from .capture import AttentionRecorder
from .evidence import collect_evidence
from .prompts import class_token_positions


def scene_token_positions(tokenizer: Any, prompt: str, class_names: Sequence[str]) -> list[list[int]]:
    """Return each class's positions in the encoded prompt; none belongs to two classes.

    Where one class stands inside another ("dog" in "hot dog"), the words of the longer one are its own.

    Args:
        tokenizer: A CLIP tokenizer.
        prompt: The prompt.
        class_names: Classes, each once.

    Raises:
        UserError: A class is empty, not in the prompt, beyond the token limit, or only inside longer classes.
    """
    taken: dict[int, str] = {}
    found: dict[str, list[int]] = {}
    for name in sorted(class_names, key=lambda n: (-len(n.split()), -len(n))):
        positions = [p for p in class_token_positions(tokenizer, prompt, name) if p not in taken]
        if not positions:
            raise UserError(
                f'Expected the prompt to name {name!r} by itself, but it stands only inside other classes in '
                f'{prompt!r}.'
            )
        taken.update(dict.fromkeys(positions, name))
        found[name] = positions
    return [found[name] for name in class_names]


def collect_scene_evidence(
    recorder: AttentionRecorder,
    positions: Sequence[Sequence[Sequence[int]]],
    class_ids: Sequence[Sequence[int]],
    **settings: Any,
) -> list[SceneEvidence]:
    """Return each sample's evidence for all of its classes.

    Args:
        recorder: After a run with cross- and self-attention.
        positions: Token positions by sample and class; samples may have different numbers of classes.
        class_ids: Labels of the classes by sample, at least one each.
        **settings: As in :func:`~mmseg_gen.generators.evidence.collect_evidence`.

    Raises:
        ValueError: As there.
    """
    each = []
    for k in range(max(map(len, positions))):
        # A sample of fewer classes repeats its first one, which is not used again.
        chosen = [sample[k] if k < len(sample) else sample[0] for sample in positions]
        each.append(collect_evidence(recorder, chosen, **settings))
    return [SceneEvidence(tuple(ids), tuple(each[k][i] for k in range(len(ids)))) for i, ids in enumerate(class_ids)]
