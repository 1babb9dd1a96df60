"""What a run is told: the config's ``concept`` dict, checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, TypeVar

from mmseg_gen.engine.setting_values import plain_values, refuse_unknown
from mmseg_gen.errors import UserError
from mmseg_gen.functional.concept_labels import MixtureSettings

GRIDS, METHODS = ('canvas', 'latents'), ('inpaint', 'crop')
_LABELLER = 'GaussianMixtureLabel'
# Chosen for the embedded models on tuning scenes: later times than the 20th blur the maps, and flat maps are of scenes
# without an object.
EMBEDDED: dict[str, Any] = {
    'evidence': {'max_steps': 20},
    'labeller': {'min_contrast': 0.1},
    'refine': {'steps': 20},
}
_Kind = TypeVar('_Kind')


@dataclass(frozen=True)
class EvidenceSettings:
    """How mean attention maps are taken; the defaults are the paper's.

    Attributes:
        steps: DDIM steps that the times are chosen from.
        max_steps: T0, how many of the cleanest of them are used.
        num_samples: N, noise samples at each.
        max_batch: Samples in one pass of the UNet.
    """

    steps: int = 50
    max_steps: int = 40
    num_samples: int = 1
    max_batch: int = 40


@dataclass(frozen=True)
class LabellerSettings(MixtureSettings):
    """How maps become preliminary labels: a mixture's settings and the grid that it is fitted on.

    Attributes:
        grid: 'latents', as the authors' code does, or 'canvas': the maps are brought to the canvas first, so that masks
            have smooth edges (ours).
    """

    grid: str = 'canvas'

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.grid not in GRIDS:
            raise ValueError(f'Expected `grid` from {", ".join(GRIDS)}, but got {self.grid!r}.')

    @property
    def mixture(self) -> MixtureSettings:
        """The mixture's settings."""
        return MixtureSettings(self.rule, self.orphans, self.min_contrast)


@dataclass(frozen=True)
class RefineSettings(MixtureSettings):
    """How masks are refined; the defaults are the authors'.

    Attributes:
        method: 'inpaint', or 'crop' for the baseline M_crop.
        steps: DDIM steps of the inpainting.
        guidance: w of Eq. 10 away from the object's prompt; 1 for none.
    """

    method: str = 'inpaint'
    steps: int = 50
    guidance: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.method not in METHODS:
            raise ValueError(f'Expected `method` from {", ".join(METHODS)}, but got {self.method!r}.')
        if self.steps < 1:
            raise ValueError(f'Expected `steps` to be 1 or more, but got {self.steps}.')

    @property
    def mixture(self) -> MixtureSettings:
        """The mixture's settings."""
        return MixtureSettings(self.rule, self.orphans)


@dataclass(frozen=True)
class PaintingSettings:
    """How images of the fine-tuned model are made, the set D'_s.

    Attributes:
        num_samples: Images to make; 0 leaves the set out.
        steps: DDIM steps.
        guidance: w of Eq. 10 between the object's and the background's prompt; 1 for the object's alone.
        batch_size: Images in a batch.
        filter: As ``synthesis.filter``.
    """

    num_samples: int = 0
    steps: int = 50
    guidance: float = 1.0
    batch_size: int = 8
    filter: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, low in (('num_samples', 0), ('steps', 1), ('batch_size', 1)):
            if getattr(self, name) < low:
                raise ValueError(f'Expected `{name}` to be {low} or more, but got {getattr(self, name)}.')


@dataclass(frozen=True)
class ConceptSettings:
    """Settings of a run.

    Attributes:
        photos: Folder of photos, those in folders below too; or the config of a data set, whose images are taken.
        prompt: Names every concept.
        concepts: The words of each, such as ``[['human', 'arms', 'legs']]``; their attention is summed.
        classes: Name of each concept in the label maps; None takes its first word.
        background: Prompt of the background.
        generator: Name or folder for :func:`~mmseg_gen.generators.parts.load_parts`.
        revision: Revision of a hub repository.
        canvas: Height and width at which the model sees a photo, in pixels; None for the model's own.
        truth: Folder of masks named as the photos (0 and 255, or label maps for several concepts), for the scores only.
        test: ``photos`` and ``truth`` of photos that nothing is trained on, for the scores.
        segmentor: MMSegmentation config, beside the run's config, of what is trained on the masks; None for nothing.
        seed: Of all noise.
        batch_size: Photos in a batch.
        dtype: 'float32', 'float16' or 'bfloat16'.
        device: None for a GPU where there is one.
        evidence: See :class:`EvidenceSettings`.
        labeller: See :class:`LabellerSettings`.
        refine: See :class:`RefineSettings`.
        synthesis: See :class:`PaintingSettings`.

    Raises:
        UserError: A key is unknown or a value out of range; the text names it.
    """

    photos: str | dict[str, Any]
    prompt: str = 'a photo of a bird'
    concepts: tuple[tuple[str, ...], ...] = (('bird',),)
    classes: tuple[str, ...] | None = None
    background: str = 'a photo of a background'
    generator: str = 'embedded'
    revision: str | None = None
    canvas: tuple[int, int] | None = None
    truth: str | None = None
    test: dict[str, Any] | None = None
    segmentor: str | None = None
    seed: int = 0
    batch_size: int = 16
    dtype: str = 'float32'
    device: str | None = None
    evidence: EvidenceSettings = field(default_factory=EvidenceSettings)
    labeller: LabellerSettings = field(default_factory=LabellerSettings)
    refine: RefineSettings = field(default_factory=RefineSettings)
    synthesis: PaintingSettings = field(default_factory=PaintingSettings)

    def __post_init__(self) -> None:
        if not self.concepts or any(isinstance(words, str) or not words for words in self.concepts):
            raise UserError(f'Expected `concept.concepts` as lists of words, [["bird"]], but got {self.concepts!r}.')
        object.__setattr__(self, 'concepts', tuple(tuple(words) for words in self.concepts))
        names = self.classes or [words[0] for words in self.concepts]
        object.__setattr__(self, 'classes', tuple(names))
        if len(set(names)) < len(names) or len(names) != len(self.concepts) or len(names) > 254:
            raise UserError(
                f'Expected `concept.classes` to name each of {len(self.concepts)} concepts, each once, but got '
                f'{list(names)}.'
            )
        for name in ('batch_size', 'seed'):
            value, low = getattr(self, name), int(name == 'batch_size')
            if isinstance(value, bool) or not isinstance(value, int) or value < low:
                raise UserError(f'Expected `concept.{name}` to be an integer >= {low}, but got {value!r}.')
        if self.canvas is not None:
            object.__setattr__(self, 'canvas', (int(self.canvas[0]), int(self.canvas[1])))

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> ConceptSettings:
        """Return the settings of a config's ``concept`` section.

        Raises:
            UserError: A key is unknown or a value out of range.
        """
        plain = plain_values(values)
        labeller = plain.get('labeller') or {}
        if isinstance(labeller, dict) and labeller.pop('type', _LABELLER) != _LABELLER:
            raise UserError(f'Expected `concept.labeller.type` to be {_LABELLER}, the one there is.')
        kinds = dict(
            evidence=EvidenceSettings, labeller=LabellerSettings, refine=RefineSettings, synthesis=PaintingSettings
        )
        for name, kind in kinds.items():
            plain[name] = _build(f'concept.{name}', plain.get(name) or {}, kind)
        if 'photos' not in plain:
            raise UserError('Expected `concept.photos` to be a folder of photos, but the config has none.')
        return _build('concept', plain, cls)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the labels 0, 1, ..."""
        return ('background', *(self.classes or ()))

    def identity(self, *sections: str) -> dict[str, Any]:
        """Return what decides the results of a stage: the model, the prompts and these sections, as JSON values."""
        own = ('generator', 'revision', 'prompt', 'concepts', 'background', 'canvas', 'seed', 'dtype', *sections)
        return plain_values({name: value for name, value in asdict(self).items() if name in own})


def _build(name: str, values: Mapping[str, Any], kind: type[_Kind]) -> _Kind:
    refuse_unknown(name, values, kind)
    try:
        return kind(**values)
    except UserError:
        raise
    except (TypeError, ValueError) as error:
        raise UserError(f'`{name}`: {error}') from error
