"""What a synthesis run is told: the config's ``synthesis`` dict, checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from mmseg_gen.engine.setting_values import plain_values, refuse_unknown
from mmseg_gen.errors import UserError

# What decides a sample's content; the others decide how many there are, where, and how fast.
_IDENTITY = (
    'generator', 'revision', 'template', 'steps', 'guidance', 'seed', 'height', 'width', 'dtype', 'evidence',
    'labeller', 'filter', 'objects',
)  # fmt: skip


@dataclass(frozen=True)
class EvidenceSettings:
    """How evidence is drawn from attention; see :func:`~mmseg_gen.generators.evidence.collect_evidence`.

    Attributes:
        top_k: Layers of largest deviation whose mean gives the mask that seeds are drawn from.
        tau: Threshold of that mask, in (0, 1).
        num_seeds: Pixels drawn from the mask's boundary.
        every: Record attention at every so many denoising steps, from the first on; 1 for all.
        max_self_side: Longest side of a grid whose self-attention is recorded; None for all. At 512 pixels Stable
            Diffusion's finest grid has 64, which takes most of what recording costs.
    """

    top_k: int = 2
    tau: float = 0.5
    num_seeds: int = 16
    every: int = 1
    max_self_side: int | None = None

    def __post_init__(self) -> None:
        for name in ('every', 'max_self_side'):
            value = getattr(self, name)
            if (value is not None or name == 'every') and (not isinstance(value, int) or value < 1):
                raise UserError(f'Expected `synthesis.evidence.{name}` to be an integer >= 1, but got {value!r}.')


@dataclass(frozen=True)
class FilterSettings:
    """Which samples are dropped.

    Attributes:
        min_area: Smallest foreground share of an image, in [0, 1]; an empty mask is always dropped.
        max_area: Largest foreground share, in [0, 1].
        drop_uncertain_share: Share of the kept samples, in [0, 1), that :class:`SyntheticDataset` leaves out
            by default, the most uncertain first. It belongs to the whole set, so it is applied when the set
            is read.
        clip_threshold: Smallest CLIP probability of the sample's class among the run's classes; None asks no
            CLIP. In a prompt of several classes the least of theirs counts.
        clip_agreement: What to do with samples in which CLIP sees another class first: 'drop', or 'mark' them in the
            manifest (``clip_agrees`` 0, for ``SyntheticDataset(only_recognised=True)``); None asks no CLIP. Where a
            prompt names several classes, they must be CLIP's first ones, in any order.
        max_missing: Largest number of a prompt's classes that may have no pixel; None for any.
    """

    min_area: float = 0.0
    max_area: float = 1.0
    drop_uncertain_share: float = 0.0
    clip_threshold: float | None = None
    clip_agreement: str | None = None
    max_missing: int | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.min_area < self.max_area <= 1:
            raise UserError(
                'Expected `synthesis.filter` with 0 <= min_area < max_area <= 1, but got '
                f'min_area={self.min_area}, max_area={self.max_area}.'
            )
        if not 0 <= self.drop_uncertain_share < 1:
            raise UserError(
                f'Expected `synthesis.filter.drop_uncertain_share` in [0, 1), but got {self.drop_uncertain_share}.'
            )
        if self.clip_agreement not in (None, 'drop', 'mark'):
            raise UserError(
                "Expected `synthesis.filter.clip_agreement` from None, 'drop', 'mark', but got "
                f'{self.clip_agreement!r}.'
            )
        if self.max_missing is not None and self.max_missing < 0:
            raise UserError(f'Expected `synthesis.filter.max_missing` to be 0 or more, but got {self.max_missing}.')

    @property
    def asks_clip(self) -> bool:
        """Whether CLIP has to look at the samples."""
        return self.clip_threshold is not None or self.clip_agreement is not None


@dataclass(frozen=True)
class SynthesisSettings:
    """Settings of a synthesis run.

    Attributes:
        generator: Name or folder for :func:`mmseg_gen.generators.parts.load_parts`; or the config of another kind of
            generator, a dict with ``type``: :class:`~mmseg_gen.engine.style_pairs.StyleMixing`,
            :class:`~mmseg_gen.engine.diffusion_style_pairs.DiffusionStyles`.
        revision: Revision of a hub repository.
        output: Folder of the data set; None leaves it to ``--work-dir`` or the config's name.
        classes: Class names, or the name of a list: 'embedded', 'voc', 'coco', 'imagenet'.
        template: 'embedded', 'photo', one template or several with ``{class}``, or a dict of
            :class:`mmseg_gen.generators.prompts.PromptGrammar`; None takes the first for the embedded
            generator, else the second.
        objects: Least and greatest number of classes that a prompt names: masks are then label maps, 0 background,
            i the i-th of ``classes``, 255 ignored. None for one class a prompt and masks of 0 and 255.
        prompts: JSONL of one's own prompts, instead of ``classes`` and ``template``; or, instead of ``template``, the
            config of what writes them: :class:`~mmseg_gen.generators.written_prompts.LanguageModelPrompts`.
        num_samples: Samples to make in all; a finished set can be made larger later. None, for generators that start
            from photos: one for each photo.
        steps: Denoising steps.
        guidance: Classifier-free guidance scale.
        seed: Seed of the run, an integer >= 0.
        batch_size: Samples per batch; equal up to rounding between batch sizes.
        first_batch: Samples in the first batch; small, so that a picture appears early.
        height: Height in pixels; None takes the model's default.
        width: Width in pixels; None takes the model's default.
        dtype: Number format of the networks: 'float32', 'float16', 'bfloat16'.
        device: Device; None takes an accelerator where there is one.
        workers: Processes that label; 0 labels in the main process.
        attempts: Processes that may die or hang while they make one batch, before its samples are given up as failed.
        evidence: See :class:`EvidenceSettings`.
        labeller: Config of the transform that writes ``gt_seg_map``; by default AttentionCutLabel, and StyleMixingLabel
            where ``generator`` is a dict.
        filter: See :class:`FilterSettings`.
    """

    generator: str | dict[str, Any] = 'embedded'
    revision: str | None = None
    output: str | None = None
    classes: str | tuple[str, ...] = 'embedded'
    template: str | tuple[str, ...] | dict[str, Any] | None = None
    objects: tuple[int, int] | None = None
    prompts: str | dict[str, Any] | None = None
    num_samples: int | None = 24
    steps: int = 40
    guidance: float = 7.5
    seed: int = 0
    batch_size: int = 8
    first_batch: int = 4
    height: int | None = None
    width: int | None = None
    dtype: str = 'float32'
    device: str | None = None
    workers: int = 0
    attempts: int = 3
    evidence: EvidenceSettings = field(default_factory=EvidenceSettings)
    labeller: dict[str, Any] = field(default_factory=lambda: {'type': 'AttentionCutLabel'})
    filter: FilterSettings = field(default_factory=FilterSettings)

    def __post_init__(self) -> None:
        least = dict(num_samples=1, steps=1, batch_size=1, first_batch=1, workers=0, attempts=1, seed=0)
        for name, low in least.items():
            value = getattr(self, name)
            if name == 'num_samples' and value is None and self.photos is not None:
                continue
            if isinstance(value, bool) or not isinstance(value, int) or value < low:
                raise UserError(f'Expected `synthesis.{name}` to be an integer >= {low}, but got {value!r}.')
        if isinstance(self.guidance, bool) or not isinstance(self.guidance, (int, float)):
            raise UserError(f'Expected `synthesis.guidance` to be a number, but got {self.guidance!r}.')
        for name in ('height', 'width'):
            value = getattr(self, name)
            if value is not None and (not isinstance(value, int) or value < 1):
                raise UserError(
                    f'Expected `synthesis.{name}` to be None or a number of pixels >= 1, but got {value!r}.'
                )
        if self.objects is not None:
            self._check_objects()
        if not self.labeller.get('type'):
            raise UserError(f'Expected `synthesis.labeller` with a `type`, but got {self.labeller!r}.')
        if not isinstance(self.generator, str):
            self._check_kind()

    @property
    def photos(self) -> str | None:
        """Folder of photos that the generator starts from; None where it makes images of its own."""
        return None if isinstance(self.generator, str) else self.generator.get('photos')

    @property
    def prompted(self) -> bool:
        """Whether images are made from prompts."""
        return isinstance(self.generator, str) or self.generator['type'] != 'StyleMixing'

    def _check_kind(self) -> None:
        if not isinstance(self.generator, Mapping) or not self.generator.get('type'):
            raise UserError(f'Expected `synthesis.generator` as a name or with a `type`, but got {self.generator!r}.')
        given = [name for name in ('revision', 'prompts', 'height', 'width') if getattr(self, name) is not None]
        if given or self.filter.asks_clip:
            names = ', '.join([*given, *(['filter.clip_*'] if self.filter.asks_clip else [])])
            raise UserError(
                f'Expected none of the settings of text-to-image models with `synthesis.generator.type` = '
                f'{self.generator["type"]}, but got {names}; leave them out.'
            )

    def _check_objects(self) -> None:
        pair = self.objects
        if len(pair) != 2 or not all(isinstance(n, int) for n in pair) or not 1 <= pair[0] <= pair[1]:
            raise UserError(f'Expected `synthesis.objects` to be two numbers, 1 <= least <= greatest, but got {pair}.')
        if self.prompts is not None:
            raise UserError('Expected `synthesis.objects` or `synthesis.prompts`, but got both; leave one out.')

    @classmethod
    def from_dict(cls, config: Mapping[str, Any]) -> SynthesisSettings:
        """Return the settings of a config's ``synthesis`` dict, which is left as it is.

        Raises:
            UserError: A key is unknown, or a value is out of its range.
        """
        values = plain_values(config)
        refuse_unknown('synthesis', values, cls)
        for name, kind in (('evidence', EvidenceSettings), ('filter', FilterSettings)):
            if name in values:
                refuse_unknown(f'synthesis.{name}', values[name], kind)
                values[name] = kind(**values[name])
        if isinstance(values.get('generator'), Mapping):
            values.setdefault('labeller', {'type': 'StyleMixingLabel'})
        for name in ('classes', 'template', 'objects'):
            if isinstance(values.get(name), list):
                values[name] = tuple(values[name])
        return cls(**values)

    def identity(self) -> dict[str, Any]:
        """Return the settings that decide the content of a sample, as plain JSON values."""
        values = plain_values(asdict(self))
        return {name: values[name] for name in _IDENTITY}
