"""What the engine asks of a generator: images with the evidence of what they show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from mmseg_gen.engine.planning import Sample
from mmseg_gen.errors import UserError
from mmseg_gen.functional.evidence import Evidence
from mmseg_gen.functional.scene_evidence import SceneEvidence
from mmseg_gen.functional.style_stack import StyleStack


@dataclass(frozen=True)
class GeneratedPair:
    """A generated image and what its generator says about it.

    Attributes:
        image: ``(H, W, 3)`` uint8 RGB.
        evidence: Attention evidence of the sample's class, or of its classes, or its style stack.
        clip_probability: Probability in [0, 1] of the class among the run's classes, the least where there are
            several; None where CLIP was not asked.
        clip_agrees: Whether CLIP's first classes are the sample's; None where CLIP was not asked.
        measures: Further numbers for the manifest.
        store_evidence: Whether the evidence is kept on disk.
    """

    image: np.ndarray
    evidence: Evidence | SceneEvidence | StyleStack
    clip_probability: float | None = None
    clip_agrees: bool | None = None
    measures: Mapping[str, float] = field(default_factory=dict)
    store_evidence: bool = True


class PairGenerator(Protocol):
    """Batches of samples in, pairs out; a pair is a function of its sample, not of its batch."""

    def describe(self) -> Any:
        """Return what decides the pairs beyond the settings (a fingerprint of the weights), as JSON."""

    def generate(self, samples: Sequence[Sample]) -> list[GeneratedPair]:
        """Return one pair for each sample.

        Raises:
            ValueError: A sample of the batch cannot be made.
            UserError: No sample can be made, with these settings.
        """


def generate_pairs(generator: PairGenerator, samples: Sequence[Sample]) -> list[GeneratedPair | str]:
    """Return for each sample its pair, or a text that says why it cannot be made.

    A batch that fails is made again one sample at a time, so that one bad sample does not take the others
    with it.
    """
    try:
        return list(generator.generate(samples))
    except UserError:
        raise
    except ValueError as error:
        if len(samples) == 1:
            return [str(error)]
        return [pair for sample in samples for pair in generate_pairs(generator, [sample])]
