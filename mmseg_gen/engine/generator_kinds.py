"""From ``synthesis.generator`` to what makes the pairs: a text-to-image model by name, or another kind by ``type``."""

from __future__ import annotations

from collections.abc import Sequence

from mmseg_gen.engine.pairs import PairGenerator
from mmseg_gen.engine.settings import SynthesisSettings
from mmseg_gen.errors import UserError

KINDS = ('StyleMixing', 'DiffusionStyles')


def load_pair_generator(settings: SynthesisSettings, classes: Sequence[str], local_rank: int = 0) -> PairGenerator:
    """Load what ``synthesis.generator`` names.

    Args:
        settings: Settings of the run.
        classes: Classes of the run.
        local_rank: Number of this process on its machine; chooses the GPU where the settings name no device.

    Raises:
        UserError: There is no such kind of generator, or its weights or settings do not fit.
    """
    if isinstance(settings.generator, str):
        from mmseg_gen.engine.pair_generator import DiffusionPairGenerator

        return DiffusionPairGenerator.from_settings(settings, classes, local_rank)
    import mmseg_gen.engine.diffusion_style_pairs
    import mmseg_gen.engine.style_pairs  # noqa: F401  (both register a kind)
    from mmseg_gen.registry import GENERATORS

    kind = GENERATORS.get(settings.generator['type'])
    if kind is None or not hasattr(kind, 'generate'):
        raise UserError(
            f'Expected the `type` of `synthesis.generator` from {", ".join(KINDS)}, but got '
            f'{settings.generator["type"]!r}.'
        )
    return kind.from_settings(settings, classes, local_rank)


def generator_name(settings: SynthesisSettings) -> str:
    """Return what to call the generator in a log."""
    kind = settings.generator
    if isinstance(kind, str):
        return kind
    return ' '.join(str(kind[key]) for key in ('type', 'checkpoint', 'generator') if key in kind)
