"""G4Seg: masks refined by what a text-to-image model makes of the image under them, without training.

Shape letters: C classes, B of them refined, S noise samples, ``(H, W)`` the image.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from mmseg_gen.datasets.image_reading import model_size
from mmseg_gen.errors import UserError
from mmseg_gen.functional.canvas import resize_map
from mmseg_gen.functional.confusion import BandSettings, confusion_band, renormalize
from mmseg_gen.functional.correspondence import MatchSettings
from mmseg_gen.functional.mask_gradient import GradientSettings
from mmseg_gen.refiners.contract import Refiner, hard_labels
from mmseg_gen.refiners.settings import check_ranges, control_settings, injection_settings
from mmseg_gen.refiners.updates import Subject, descend_gradient, mix_matches
from mmseg_gen.registry import FEATURE_EXTRACTORS, REFINERS

if TYPE_CHECKING:
    from mmseg_gen.generators.parts import Parts
    from mmseg_gen.generators.regeneration import ClassPrompts, Regenerator

logger = logging.getLogger(__name__)

# Channels with these names are no objects, so no prompt names them.
NO_OBJECTS = ('background', 'bg', 'other', 'others', 'void', 'unlabeled')
# Combinations of classes whose encoded prompts are kept; one class of SDXL takes 0.6 MB.
_PROMPTS_KEPT = 32


@REFINERS.register_module()
class G4Seg(Refiner):
    """Refines each class by itself, then makes the probabilities sum to 1 again; pixels out of doubt keep their bits.

    Args:
        generator: 'embedded', a folder, a hub id, or loaded parts.
        clip: Folder or hub id of a CLIP for the features, where the generator brings none.
        prompt: Holds ``{class}``.
        names: Better words for some classes, such as ``{'tvmonitor': 'tv monitor'}``.
        present: Refine only classes that are largest at this share of the pixels or more.
        update: 'mix' (Eq. 9), or 'gradient' (ours): Eq. 7 taken literally, a soft mask moved so that the model
            regenerates the image better.
        timestep: Noise level t; 400 in the paper.
        samples: Noise samples; 1 in the paper.
        iterations: How often to regenerate and mix; 1 in the paper.
        seed: Of the noise, the same for every image.
        injection: Settings of :class:`InjectionSettings`; False turns the injection off.
        control: Settings of ``ControlSettings``: show the masks to a ControlNet (Appendix G), beside the injection, or
            instead of it with ``injection=False``.
        null_text: Settings of ``NullTextSettings``: regenerate by null-text inversion (Tab. 5) instead of one step; it
            has no noise samples, and many passes of the UNet. For 'mix' only.
        features: Config of a feature extractor.
        matching: Settings of :class:`MatchSettings`.
        grid: Longer side of the grid on which pixels are matched.
        band: Settings of :class:`BandSettings`.
        beta: Share of the old probability; 0.8 in the paper (0.9 for weakly supervised masks).
        gradient: Settings of :class:`GradientSettings`.
        evidence: Ours: weigh each pixel's change by how far the votes ('mix') or noise samples ('gradient') agree.
        gate: Ours: pixels with less evidence than this keep their probability; 0 for none.
        normalization: 'divide' (paper) or 'complement' (ours).
        max_batch: Images in one pass of the UNet; more classes go through it in several.
        revision: Of the generator on the hub.
        device: Where to run; None for a GPU where there is one.
        dtype: Precision of the generator: 'float32', 'float16' or 'bfloat16'.

    Raises:
        ValueError: A setting is out of range.
    """

    def __init__(
        self,
        generator: str | Parts = 'embedded',
        *,
        clip: str | None = None,
        prompt: str = 'a photo of a {class}',
        names: Mapping[str, str] | None = None,
        present: float = 0.001,
        update: str = 'mix',
        timestep: int = 400,
        samples: int = 1,
        iterations: int = 1,
        seed: int = 0,
        injection: Mapping[str, Any] | bool = True,
        control: Mapping[str, Any] | None = None,
        null_text: Mapping[str, Any] | None = None,
        features: Mapping[str, Any] | None = None,
        matching: Mapping[str, Any] | None = None,
        grid: int = 64,
        band: Mapping[str, Any] | None = None,
        beta: float = 0.8,
        gradient: Mapping[str, Any] | None = None,
        evidence: bool = False,
        gate: float = 0.0,
        normalization: str = 'divide',
        max_batch: int = 16,
        revision: str | None = None,
        device: str | None = None,
        dtype: str = 'float32',
    ):
        check_ranges(
            update=update, samples=samples, iterations=iterations, beta=beta, gate=gate, normalization=normalization
        )
        self.generator, self.clip, self.revision, self.device, self.dtype = generator, clip, revision, device, dtype
        self.prompt, self.names, self.present = prompt, dict(names or {}), present
        self.update, self.timestep, self.samples, self.iterations = update, timestep, samples, iterations
        self.seed, self.grid, self.beta, self.gate, self.evidence = seed, grid, beta, gate, evidence
        self.control = None if control is None else control_settings(control, update)
        self.injection = injection_settings(injection, update, self.control)
        if null_text is not None and (update != 'mix' or control is not None):
            raise ValueError(
                f'Expected no `null_text` with update={update!r} and control={control}, but got {null_text}; it goes '
                "with update='mix' and without `control`."
            )
        self.null_text = None if null_text is None else dict(null_text)
        self.extractor = FEATURE_EXTRACTORS.build(dict(features or {'type': 'ClipValues'}))
        self.matching, self.band = MatchSettings(**(matching or {})), BandSettings(**(band or {}))
        self.gradient = GradientSettings(**(gradient or {}))
        self.normalization, self.max_batch = normalization, max_batch
        self._prompts: dict[tuple[str, ...], ClassPrompts] = {}

    @cached_property
    def regenerator(self) -> Regenerator:
        """The generator, loaded when it is first used."""
        import torch

        from mmseg_gen.generators.control import load_control
        from mmseg_gen.generators.parts import Parts, load_parts
        from mmseg_gen.generators.regeneration import Regenerator

        parts = self.generator
        if not isinstance(parts, Parts):
            device = self.device or ('cuda' if torch.cuda.is_available() else 'cpu')
            kind = getattr(torch, self.dtype)
            parts = load_parts(parts, revision=self.revision, device=device, dtype=kind, clip=self.clip)
        control = None if self.control is None else load_control(parts, self.control)
        return Regenerator(parts, self.prompt, self.timestep, self.injection, self.max_batch, control)

    def load(self) -> None:
        """Load the generator."""
        self.regenerator  # noqa: B018

    def _refine(self, image: np.ndarray, probabilities: np.ndarray, classes: list[str]) -> np.ndarray:
        import torch

        labels = hard_labels(probabilities)
        chosen = self.chosen_classes(labels, classes)
        bands = np.stack([confusion_band(probabilities[c], labels == c, self.band) for c in chosen] or [labels < 0])
        if not bands.any():
            if chosen:
                logger.warning(
                    'No pixel is in doubt, so nothing changes: hard masks must be softened, or `band` widened.'
                )
            return probabilities.copy()
        # A caller's inference mode would forbid the gradient.
        with torch.inference_mode(False), torch.no_grad():
            after = self._updated(image, probabilities[chosen], [classes[c] for c in chosen], bands)
        changed = (after != probabilities[chosen]).any(0)
        result, updated = probabilities.copy(), np.isin(np.arange(len(classes)), chosen)
        result[chosen] = after
        return renormalize(result, updated, changed, self.normalization)

    def _updated(self, image: np.ndarray, values: np.ndarray, names: list[str], bands: np.ndarray) -> np.ndarray:
        """Return the classes' probabilities after the update, each class by itself, ``(B, H, W)``.

        Raises:
            UserError: Memory runs out.
        """
        import torch

        update = mix_matches if self.update == 'mix' else descend_gradient
        try:
            return update(self, self.subject(image, names), values, bands)
        except (MemoryError, torch.cuda.OutOfMemoryError) as error:
            raise UserError(
                f'Expected {len(names)} classes of an image of {image.shape[:2]} to fit in memory, but '
                f'they do not; lower `max_batch` ({self.max_batch}): {error}'
            ) from error

    def chosen_classes(self, labels: np.ndarray, classes: list[str]) -> list[int]:
        """Return the classes that are there and have a name to prompt with."""
        shares = np.bincount(labels.ravel(), minlength=len(classes)) / labels.size
        objects = [c for c, name in enumerate(classes) if name.strip().lower() not in NO_OBJECTS]
        return [c for c in objects if shares[c] > 0 and shares[c] >= self.present]

    def subject(self, image: np.ndarray, names: list[str]) -> Subject:
        """Return the image as the generator sees it, and the prompts of its classes."""
        from mmseg_gen.generators.latents import encode_images, image_tensor

        parts = self.regenerator.parts
        seen = resize_map(image, model_size(image.shape[:2], parts.longer_side, parts.multiple))
        pixels = image_tensor([seen]).to(parts.device)
        return Subject(pixels, encode_images(parts, pixels), self._encoded(names))

    def _encoded(self, names: list[str]) -> ClassPrompts:
        """Return the prompts of some classes, which are encoded once for all images that show the same ones."""
        words = tuple(self.names.get(name, name).replace('_', ' ') for name in names)
        if words not in self._prompts:
            if len(self._prompts) == _PROMPTS_KEPT:
                self._prompts.clear()
            self._prompts[words] = self.regenerator.prompts(words)
        return self._prompts[words]
