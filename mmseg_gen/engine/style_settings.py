"""What style mixing is told while it makes a data set: ``synthesis.generator`` with ``type='StyleMixing'``, checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mmseg_gen.engine.setting_values import refuse_unknown
from mmseg_gen.errors import UserError

NOISE_WORDS = ('const', 'random', 'none')
# Of `synthesis`, for photographs in the embedded StyleGAN2; generator and labeller as in configs/embedded_stylemix.py.
EMBEDDED: dict[str, Any] = {
    'classes': ['cat'],
    'generator': dict(
        type='StyleMixing',
        checkpoint='embedded',
        cutoff=7,
        count=50,
        truncation=0.7,
        batch=25,
        inversion=dict(encoder='embedded', steps=50),
    ),
    'labeller': dict(
        type='StyleMixingLabel', clusters=4, foreground='saliency', saliency_threshold=0.55, color_space='lab'
    ),
}


@dataclass(frozen=True)
class StyleMixingSettings:
    """Settings of images and their variations.

    Attributes:
        cutoff: First layer that takes random styles, the paper's c; it counts the layers of the checkpoint.
        checkpoint: 'embedded', or a file of ``tools/convert_stylegan2.py``.
        count: Variations of each image, the paper's n = 50.
        truncation: Of the images' own styles; 0.7 in the paper's figures.
        style_truncation: Of the random styles; None takes ``truncation``. The paper does not say.
        noise: 'const', 'random' (one draw for an image and its variations), or 'none'.
        resolution: Side that the checkpoint must have, which is that of the images; None takes any.
        max_side: Side that variations are reduced to before they are clustered; None leaves them.
        batch: Variations at a time.
        store_evidence: Whether the variations are kept on disk, to label them anew later: ``3 n R^2`` bytes an image
            before compression, 157 MB at 1024 pixels.
        photos: Folder of photographs to invert in place of drawing images; each is cropped to the square in its middle
            and resized. One file is one sample.
        inversion: For ``photos``, fields of :class:`~mmseg_gen.generators.gan_inversion.InversionSettings`; further
            ``encoder``, 'embedded' or a file of :func:`~mmseg_gen.generators.gan_encoding.save_encoder`, gives the
            styles that the optimisation starts from, in ``encoder_steps`` corrections (1).
        boxes: Where objects are looked for: a dict with ``type`` 'GroundingDinoBoxes', 'Owlv2Boxes' or
            'AnnotatedBoxes' and its settings; None takes the whole image.

    Raises:
        UserError: A value is out of its range, or two do not fit each other.
    """

    cutoff: int
    checkpoint: str = 'embedded'
    count: int = 50
    truncation: float = 0.7
    style_truncation: float | None = None
    noise: str = 'const'
    resolution: int | None = None
    max_side: int | None = None
    batch: int = 4
    store_evidence: bool = False
    photos: str | None = None
    inversion: Mapping[str, Any] | None = None
    boxes: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        least = dict(cutoff=0, count=1, batch=1, max_side=1, resolution=4)
        for name, low in least.items():
            value = getattr(self, name)
            if value is None and name in ('max_side', 'resolution'):
                continue
            if isinstance(value, bool) or not isinstance(value, int) or value < low:
                raise UserError(f'Expected `synthesis.generator.{name}` to be an integer >= {low}, but got {value!r}.')
        if self.resolution is not None and self.resolution & (self.resolution - 1):
            raise UserError(
                f'Expected `synthesis.generator.resolution` to be a power of two, but got {self.resolution}.'
            )
        for name in ('truncation', 'style_truncation'):
            value = getattr(self, name)
            if value is not None and not (isinstance(value, int | float) and value >= 0):
                raise UserError(f'Expected `synthesis.generator.{name}` to be 0 or more, but got {value!r}.')
        if self.noise not in NOISE_WORDS:
            raise UserError(
                f'Expected `synthesis.generator.noise` from {", ".join(NOISE_WORDS)}, but got {self.noise!r}.'
            )
        if self.inversion is not None and self.photos is None:
            raise UserError(
                'Expected `synthesis.generator.inversion` with `photos` alone, but got it without; add them.'
            )
        if self.boxes is not None and not self.boxes.get('type'):
            raise UserError(f'Expected `synthesis.generator.boxes` with a `type`, but got {self.boxes!r}.')

    @classmethod
    def from_dict(cls, config: Mapping[str, Any]) -> StyleMixingSettings:
        """Return the settings of a config's dict; its ``type`` is passed over.

        Raises:
            UserError: A key is unknown, ``cutoff`` is missing, or a value is out of range.
        """
        values = {key: value for key, value in config.items() if key != 'type'}
        refuse_unknown('synthesis.generator', values, cls)
        if 'cutoff' not in values:
            raise UserError('Expected `synthesis.generator` with `cutoff`, but it has none.')
        return cls(**values)

    @property
    def styles_truncation(self) -> float:
        """Truncation of the random styles."""
        return self.truncation if self.style_truncation is None else self.style_truncation
