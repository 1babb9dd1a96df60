"""Style mixing on a photograph: invert it into a StyleGAN2, vary its styles, cluster what changes together."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mmseg_gen.api.segmentation import Segmentation
from mmseg_gen.datasets.image_reading import check_photo
from mmseg_gen.errors import UserError
from mmseg_gen.functional.canvas import resize_mask
from mmseg_gen.functional.square import Square, middle_square

if TYPE_CHECKING:
    from mmseg_gen.engine.labelling import Labeller
    from mmseg_gen.engine.style_inversion import PhotoInverter
    from mmseg_gen.engine.style_pairs import StyleMixing


class StyleMixingSegmenter:
    """Style mixing on photographs (Feng et al., Sec. 4.3), one at a time.

    The generator sees the square in the middle of a photograph; nothing outside it is labelled.

    Args:
        generator: Makes variations; its boxes find the objects where it has some.
        inverter: Finds the latents of a photograph.
        labeller: Transform that writes ``gt_seg_map``.
        class_name: One of the generator's classes.
        label: Its label.
        seed: Of the random styles.
    """

    def __init__(
        self,
        generator: StyleMixing,
        inverter: PhotoInverter,
        labeller: Labeller,
        class_name: str,
        *,
        label: int = 1,
        seed: int = 0,
    ) -> None:
        self.generator, self.inverter, self.labeller = generator, inverter, labeller
        self.class_name, self.label, self.seed = class_name, label, seed

    @classmethod
    def from_generator(
        cls,
        name: str,
        class_name: str,
        *,
        encoder: str | None = None,
        steps: int | None = None,
        seed: int = 0,
        device: str = 'cpu',
    ) -> StyleMixingSegmenter:
        """Load what a config says, or the embedded StyleGAN2.

        Args:
            name: 'embedded', or a config with ``synthesis.generator`` of type ``StyleMixing``.
            class_name: One of the config's classes.
            encoder: 'embedded' or a file: the optimisation starts from its styles. None leaves it to the config, 'none'
                starts from the mean style.
            steps: Of the optimisation; None leaves it to the config.
            seed: Of the random styles.
            device: Where to run.

        Raises:
            FileNotFoundError: There is no such config or checkpoint.
            UserError: The config has no such generator or class, or a setting is wrong.
        """
        from mmseg_gen.engine.prompting import resolve_classes
        from mmseg_gen.engine.settings import SynthesisSettings
        from mmseg_gen.engine.style_inversion import PhotoInverter
        from mmseg_gen.engine.style_pairs import StyleMixing
        from mmseg_gen.engine.synthesis import build_labeller

        section = _section(name)
        given = {'encoder': encoder, 'steps': steps}
        inversion = {**(section['generator'].pop('inversion', None) or {})}
        inversion |= {key: value for key, value in given.items() if value is not None}
        if encoder == 'none':
            del inversion['encoder']
        section['generator'].pop('photos', None)
        # The optimisation needs single precision.
        settings = SynthesisSettings.from_dict({**section, 'num_samples': 1, 'dtype': 'float32', 'device': device})
        classes = resolve_classes(settings.classes)
        if class_name not in classes:
            raise UserError(f'Expected a class of {name} ({", ".join(classes)}), but got {class_name!r}.')
        generator = StyleMixing.from_settings(settings, classes)
        inverter = PhotoInverter.of(generator.model, inversion)
        label = classes.index(class_name) + 1
        return cls(generator, inverter, build_labeller(settings.labeller), class_name, label=label, seed=seed)

    def __call__(self, image: np.ndarray) -> Segmentation:
        """Return the segmentation of an ``(H, W, 3)`` uint8 RGB image.

        Raises:
            ValueError: The labeller cannot decide, for instance as there is no confident foreground.
        """
        from mmseg_gen.engine.labelling import label_image
        from mmseg_gen.engine.planning import Sample

        size = check_photo(image).shape[:2]
        (latents,) = self.inverter([image])
        pair = self.generator.vary(Sample(0, self.class_name, '', self.seed), latents)
        label = label_image(self.labeller, pair.image, pair.evidence)
        if label.mask is None:
            raise ValueError(label.undecided or label.error)
        mask = paste_square(label.mask == self.label, middle_square((size[0], size[1])), (size[0], size[1]))
        return Segmentation(mask, mask.astype(np.float32), self.class_name)


def paste_square(mask: np.ndarray, square: Square, size: tuple[int, int]) -> np.ndarray:
    """Return a photograph's mask from that of its square, bool ``(H, W)``; false outside the square.

    Args:
        mask: Bool ``(R, R)``.
        square: Top, left and side, from :func:`~mmseg_gen.functional.square.middle_square`.
        size: H, W.
    """
    top, left, side = square
    whole = np.zeros(size, bool)
    whole[top : top + side, left : left + side] = resize_mask(mask, (side, side))
    return whole


def _section(name: str) -> dict[str, Any]:
    """Return the ``synthesis`` section of a config, or that of the embedded StyleGAN2, as a copy."""
    from mmseg_gen.engine.config_file import read_config
    from mmseg_gen.engine.style_settings import EMBEDDED
    from mmseg_gen.generators.sources import EMBEDDED as EMBEDDED_NAME

    if name == EMBEDDED_NAME:
        return {**EMBEDDED, 'generator': dict(EMBEDDED['generator'])}
    if Path(name).suffix != '.py':
        raise UserError(
            f'Expected `generator` to be {EMBEDDED_NAME} or a config with `synthesis.generator` of type StyleMixing, '
            f'such as configs/stylemix_ffhq.py, but got {name}; a checkpoint alone does not tell `cutoff`.'
        )
    section = read_config(name).to_dict().get('synthesis') or {}
    generator = section.get('generator')
    if not isinstance(generator, dict) or generator.get('type') != 'StyleMixing':
        raise UserError(f'Expected `synthesis.generator` of type StyleMixing in {name}, but got {generator!r}.')
    return section
