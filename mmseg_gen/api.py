"""The Python door: a mask for one image and one class name, from a generative model or from a trained segmentor.

Shape letters: H, W the image's own size; h, w the size the model sees; R1, R2 the attention's grid.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mmseg_gen.datasets.image_reading import check_photo, model_size, read_image
from mmseg_gen.engine.writing import encode_png, write_bytes
from mmseg_gen.errors import UserError
from mmseg_gen.functional.canvas import resize_map, resize_mask
from mmseg_gen.visualization.overlay import overlay_mask

if TYPE_CHECKING:
    from mmseg_gen.functional.attention_cut import CutSettings
    from mmseg_gen.functional.evidence import Evidence
    from mmseg_gen.generators.parts import Parts

ATTENTION_CUT = 'attention-cut'
# The prompt of the paper's zero-shot experiments; "{class}" stands for the class name.
DEFAULT_PROMPT = 'a photo of a {class}'
# DDIM steps of DiffusionSeg.
DEFAULT_STEPS = 40
# What four halvings of an image need.
_MULTIPLE = 16

ImageLike = str | os.PathLike | np.ndarray
Segmenter = Callable[[np.ndarray], 'Segmentation']


@dataclass(frozen=True)
class Segmentation:
    """What `segment` found.

    Attributes:
        mask: True on the class, bool ``(H, W)`` at the image's own size.
        objectness: How much each pixel looks like the class, float32 ``(H, W)`` in [0, 1].
        class_name: The class asked for.
        evidence: The generator's attention, None where a trained segmentor made the mask.
    """

    mask: np.ndarray
    objectness: np.ndarray
    class_name: str
    evidence: Evidence | None = None

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the mask as a grey PNG, 0 and 255, replacing an older file; make missing folders; return the path.

        Raises:
            ValueError: The name does not end in ``.png``.
        """
        target = Path(path)
        if target.suffix.lower() != '.png':
            raise ValueError(f'Expected `path` to end in .png, but got {target.name}.')
        target.parent.mkdir(parents=True, exist_ok=True)
        write_bytes(target, encode_png(self.mask.astype(np.uint8) * 255))
        return target

    def overlay(self, image: ImageLike) -> np.ndarray:
        """Return the image with the mask tinted over it, ``(H, W, 3)`` uint8 RGB.

        Args:
            image: The image that was segmented: a path or ``(H, W, 3)`` uint8 RGB.
        """
        return overlay_mask(_pixels(image), self.mask)


def segment(
    image: ImageLike,
    class_name: str,
    method: str = ATTENTION_CUT,
    *,
    generator: str | Parts = 'embedded',
    checkpoint: str | os.PathLike[str] | None = None,
    prompt: str = DEFAULT_PROMPT,
    steps: int = DEFAULT_STEPS,
    settings: CutSettings | None = None,
    seed: int = 0,
    device: str | None = None,
) -> Segmentation:
    """Segment one class in one image.

    For many images build the segmenter once: ``segmenter = build_segmenter('dog'); segmenter(image)``.

    Args:
        image: A path (see `read_image` for grey, 16-bit and transparent files) or ``(H, W, 3)`` uint8 RGB.
        class_name: One or several words.
        method: ``'attention-cut'``, or the path of an MMSegmentation config whose model makes the mask.
        generator: For AttentionCut: ``'embedded'``, a hub id, a diffusers folder, or loaded parts.
        checkpoint: Weights of the config's model.
        prompt: For AttentionCut: a prompt that holds the class name, or ``{class}`` in its place.
        steps: DDIM steps of the inversion.
        settings: Settings of AttentionCut, its defaults if None.
        seed: Chooses the boundary seeds: the same seed gives the same mask.
        device: ``'cpu'``, ``'cuda'``, ...; by default a GPU where there is one.

    Raises:
        FileNotFoundError: The image, config or checkpoint is not there.
        UserError: The image cannot be read, the weights are missing, or the prompt lacks the class.
        ValueError: The image is smaller than 8 x 8 pixels, or a setting is out of its range.
    """
    pixels = _pixels(image)
    segmenter = build_segmenter(
        class_name,
        method,
        generator=generator,
        checkpoint=checkpoint,
        prompt=prompt,
        steps=steps,
        settings=settings,
        seed=seed,
        device=device,
    )
    return segmenter(pixels)


def build_segmenter(
    class_name: str,
    method: str = ATTENTION_CUT,
    *,
    generator: str | Parts = 'embedded',
    checkpoint: str | os.PathLike[str] | None = None,
    device: str | None = None,
    **options: Any,
) -> Segmenter:
    """Return a function from an ``(H, W, 3)`` uint8 RGB image to its `Segmentation`, with its weights loaded.

    Args:
        class_name: As in `segment`, like the arguments that follow.
        method: A method's name or a config.
        generator: Name or parts of the generator.
        checkpoint: Weights of the config's model.
        device: Where to run.
        **options: ``prompt``, ``steps``, ``settings`` and ``seed`` of `segment`, for AttentionCut.

    Raises:
        UserError: ``method`` and ``checkpoint`` do not fit, the weights are missing, or the prompt lacks the class.
    """
    name = ' '.join(class_name.split())
    if not name:
        raise UserError('Expected `class_name` to be one or more words, but got an empty text.')
    if method == ATTENTION_CUT:
        if checkpoint is not None:
            raise UserError(f'Expected no `checkpoint` with {ATTENTION_CUT}, but got {checkpoint}.')
        return AttentionCutSegmenter(_parts(generator, device), name, **options)
    if checkpoint is None:
        raise UserError(f'Expected `method` to be {ATTENTION_CUT} or a config with its checkpoint, but got {method}.')
    return ModelSegmenter(method, checkpoint, name, device=device)


class AttentionCutSegmenter:
    """AttentionCut on a photograph (DiffusionSeg): invert it under the class's prompt, take the attention, cut.

    The model sees a resized copy (`model_size`): native side for the longer side, the aspect kept up to 4:1. The cut is
    made on that copy, for the settings are tuned at the model's scale; the mask then grows to the image's own size.

    Args:
        parts: The generator.
        class_name: One or several words.
        prompt: Text that holds the class name, or ``{class}`` in its place.
        steps: DDIM steps of the inversion.
        settings: Settings of the cut, its defaults if None.
        seed: Of the boundary seeds.

    Raises:
        ValueError: The prompt does not hold the class name.
    """

    def __init__(
        self,
        parts: Parts,
        class_name: str,
        *,
        prompt: str = DEFAULT_PROMPT,
        steps: int = DEFAULT_STEPS,
        settings: CutSettings | None = None,
        seed: int = 0,
    ):
        from mmseg_gen.functional.attention_cut import CutSettings
        from mmseg_gen.generators.prompts import class_token_positions
        from mmseg_gen.generators.text import encode_prompts

        self.parts, self.class_name, self.steps, self.seed = parts, class_name, steps, seed
        self.settings = CutSettings() if settings is None else settings
        prompt = prompt.replace('{class}', class_name)
        self.positions = class_token_positions(parts.tokenizer, prompt, class_name)
        self.context = encode_prompts(parts, [prompt])
        # Every level of the UNet halves the latents.
        self.multiple = parts.latent_scale * 2 ** (len(parts.unet.config.block_out_channels) - 1)

    def __call__(self, image: np.ndarray) -> Segmentation:
        """Return the segmentation of an ``(H, W, 3)`` uint8 RGB image."""
        from mmseg_gen.functional.attention_cut import attention_cut

        size = check_photo(image).shape[:2]
        side = max(self.multiple, self.parts.default_size // self.multiple * self.multiple)
        seen = resize_map(image, model_size(size, side, self.multiple))
        evidence = self.collect(seen)
        cut = attention_cut(evidence, seen, self.settings)
        objectness = np.clip(resize_map(cut.objectness, size), 0, 1)
        return Segmentation(resize_mask(cut.mask, size), objectness, self.class_name, evidence)

    def collect(self, image: np.ndarray) -> Evidence:
        """Return the attention met while inverting an ``(h, w, 3)`` uint8 RGB image of the model's size."""
        import torch

        from mmseg_gen.generators.capture import AttentionRecorder
        from mmseg_gen.generators.evidence import collect_evidence
        from mmseg_gen.generators.inversion import invert_latents
        from mmseg_gen.generators.latents import encode_images

        parts, settings = self.parts, self.settings
        pixels = torch.from_numpy(image).permute(2, 0, 1)[None].to(parts.device, parts.dtype) / 127.5 - 1
        with torch.no_grad():
            latents = encode_images(parts, pixels)
            recorder = AttentionRecorder(parts.unet, latents.shape[-2:])
            invert_latents(parts, latents, self.context, steps=self.steps, recorder=recorder)
            return collect_evidence(
                recorder,
                [self.positions],
                top_k=settings.top_k,
                tau=settings.tau,
                num_seeds=settings.num_seeds,
                seeds=[self.seed],
            )[0]


class ModelSegmenter:
    """A trained MMSegmentation model; the mask is the class's channel, or the foreground of a two-class model.

    A model whose test pipeline does not resize sees the image at the size it was trained at (`model_size`).

    Args:
        config: Path of the config.
        checkpoint: Path of the weights, or the work folder that holds them.
        class_name: One of the model's classes; any name where the model only knows background and foreground.
        device: Where to run, by default a GPU where there is one.

    Raises:
        FileNotFoundError: The config or the checkpoint is not there.
        UserError: The checkpoint is not one of MMEngine's, or the model has no such class.
    """

    def __init__(
        self,
        config: str | os.PathLike[str],
        checkpoint: str | os.PathLike[str],
        class_name: str,
        *,
        device: str | None = None,
    ):
        from mmseg_gen import registry  # noqa: F401  makes mmseg importable with mmcv-lite
        from mmseg_gen.engine.launch import find_checkpoint, known_types_only
        from mmseg.apis import init_model

        weights = find_checkpoint(str(checkpoint))
        cfg = _inference_config(config)
        self.class_name, self.side = class_name, _training_side(cfg)
        try:
            with known_types_only():
                self.model = init_model(cfg, weights, device=_device(device))
        except KeyError as error:
            raise UserError(f'Expected {weights} to be a checkpoint of MMEngine, but it lacks {error}.') from error
        self.index = _class_index(self.model.dataset_meta['classes'], class_name)

    def __call__(self, image: np.ndarray) -> Segmentation:
        """Return the segmentation of an ``(H, W, 3)`` uint8 RGB image."""
        from mmseg.apis import inference_model

        size = check_photo(image).shape[:2]
        seen = image if self.side is None else resize_map(image, model_size(size, self.side, _MULTIPLE))
        # MMSegmentation takes arrays as OpenCV reads them: BGR.
        result = inference_model(self.model, np.ascontiguousarray(seen[..., ::-1]))
        scores, labels = result.seg_logits.data.float().cpu(), result.pred_sem_seg.data[0].cpu()
        # A model of one channel gives sigmoid probabilities already.
        probability = scores[0] if len(scores) == 1 else scores.softmax(0)[self.index]
        mask = resize_mask((labels == self.index).numpy(), size)
        return Segmentation(mask, resize_map(probability.numpy(), size), self.class_name)


def _pixels(image: ImageLike) -> np.ndarray:
    return check_photo(read_image(image) if isinstance(image, str | os.PathLike) else image)


def _device(device: str | None) -> str:
    import torch

    return device or ('cuda' if torch.cuda.is_available() else 'cpu')


def _parts(generator: str | Parts, device: str | None) -> Parts:
    from mmseg_gen.generators.parts import Parts, load_parts

    return generator if isinstance(generator, Parts) else load_parts(generator, device=_device(device))


def _inference_config(path: str | os.PathLike[str]) -> Any:
    """Return the config with a test pipeline that loads an image only: no labels, no evidence."""
    from mmengine.config import Config

    if not Path(path).is_file():
        raise FileNotFoundError(f'Expected a config file, but there is no {path}.')
    cfg = Config.fromfile(path)
    if cfg.get('model') is None or cfg.get('test_dataloader', cfg.get('test_pipeline')) is None:
        raise UserError(f'Expected {path} to have a `model` and a `test_dataloader`, but it lacks one.')
    steps = cfg.get('test_pipeline') or cfg.test_dataloader.dataset.pipeline
    cfg.test_pipeline = [s for s in steps if not s['type'].startswith('Load') or s['type'].startswith('LoadImage')]
    return cfg


def _training_side(cfg: Any) -> int | None:
    """Return the side at which a model was trained if its test pipeline leaves the size of an image to the caller."""
    size = cfg.get('data_preprocessor', {}).get('size')
    if size is None or any('Resize' in step['type'] for step in cfg.test_pipeline):
        return None
    return max(_MULTIPLE, max(size) // _MULTIPLE * _MULTIPLE)


def _class_index(classes: tuple[str, ...], class_name: str) -> int:
    names = [name.lower() for name in classes]
    if class_name.lower() in names:
        return names.index(class_name.lower())
    if len(names) > 2:
        raise UserError(f'Expected a class of the model ({", ".join(classes)}), but got {class_name!r}.')
    return len(names) - 1
