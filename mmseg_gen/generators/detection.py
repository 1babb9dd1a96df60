"""Boxes of objects by their names, from zero-shot detectors of transformers (the paper used GLIP).

Boxes are ``x1, y1, x2, y2`` in pixels, half-open. Shape letters: Q queries of the detector, K classes, L tokens, M
boxes.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from mmseg_gen.errors import UserError
from mmseg_gen.functional.boxes import choose_boxes, corners_of_centers
from mmseg_gen.registry import GENERATORS

from .network import without_network
from .parts import checked_device
from .quiet import quiet_loading
from .sources import network_forbidden

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

# ImageNet's and CLIP's, as the detectors' own processors have them.
_IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
_CLIP = ((0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711))
_GREY = 0.5


class ZeroShotBoxes(ABC):
    """What the detectors have in common.

    Args:
        model: The detector, in eval mode.
        tokenizer: Its tokenizer.
        classes: What to look for; the label of the first is 1.
        threshold: Smallest score of a box, in [0, 1].
        overlap: Of boxes of one class that overlap by more than this IoU, the best one stays; in (0, 1].
        max_boxes: Boxes at most, the best ones; None for all.

    Raises:
        ValueError: A value is out of range, or there is no class.
    """

    network: str

    def __init__(
        self,
        model: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        classes: Sequence[str],
        *,
        threshold: float = 0.3,
        overlap: float = 0.5,
        max_boxes: int | None = None,
    ) -> None:
        if not classes:
            raise ValueError('Expected `classes` to name at least one, but got none.')
        if not 0 <= threshold <= 1:
            raise ValueError(f'Expected `threshold` in [0, 1], but got {threshold}.')
        if not 0 < overlap <= 1:
            raise ValueError(f'Expected `overlap` in (0, 1], but got {overlap}.')
        if max_boxes is not None and max_boxes < 1:
            raise ValueError(f'Expected `max_boxes` to be 1 or more, or None, but got {max_boxes}.')
        self.model, self.tokenizer, self.classes = model.eval(), tokenizer, tuple(classes)
        self.threshold, self.overlap, self.max_boxes = threshold, overlap, max_boxes

    @classmethod
    def from_settings(
        cls,
        classes: Sequence[str],
        device: str,
        *,
        model: str,
        revision: str | None = None,
        local_files_only: bool | None = None,
        **options: Any,
    ) -> ZeroShotBoxes:
        """Return the detector of a folder or a hub id; nothing is fetched unless ``MMSEG_GEN_DOWNLOAD=1`` is set.

        Raises:
            UserError: It is not on this machine, holds no safetensors, or is of another kind.
        """
        # Every config makes this module known; the networks cost seconds to import.
        import transformers

        offline = network_forbidden(local_files_only)
        place = str(Path(model).expanduser()) if Path(model).expanduser().is_dir() else model
        try:
            with quiet_loading(), without_network(offline):
                network = getattr(transformers, cls.network).from_pretrained(
                    place, revision=revision, local_files_only=offline, use_safetensors=True
                )
                tokenizer = transformers.AutoTokenizer.from_pretrained(
                    place, revision=revision, local_files_only=offline
                )
        except Exception as error:
            text = ' '.join(str(error).split())[:200]
            raise UserError(
                f'Expected a {cls.network} at {model}, as safetensors on this machine, but could not read one '
                f'({type(error).__name__}: {text}); give a folder, or fetch it once with `hf download {model}`.'
            ) from error
        return cls(network.requires_grad_(False).to(checked_device(device)), tokenizer, classes, **options)

    def find(self, image: np.ndarray, name: str) -> tuple[np.ndarray, np.ndarray]:
        """Return boxes cut to the image, ``(M, 4)`` float32, the best first, and their labels ``(M,)`` from 1 on.

        Args:
            image: RGB uint8 ``(H, W, 3)``.
            name: Of the image; it does not matter.
        """
        scores, boxes = self.scores(image)
        chosen = choose_boxes(
            boxes, scores, (image.shape[0], image.shape[1]), self.threshold, self.overlap, self.max_boxes
        )
        return chosen.boxes, chosen.labels + 1

    @abstractmethod
    def scores(self, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return scores ``(Q, K)`` in [0, 1] and boxes ``(Q, 4)`` in pixels, not yet cut to the image."""

    def _pixels(self, image: np.ndarray) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1)[None].to(self.model.device) / 255


@GENERATORS.register_module()
class GroundingDinoBoxes(ZeroShotBoxes):
    """Boxes from Grounding DINO, 'IDEA-Research/grounding-dino-tiny' for instance; arguments of :class:`ZeroShotBoxes`.

    The prompt is "sofa . coffee table ."; a class has the highest score of its own tokens.
    """

    network = 'GroundingDinoForObjectDetection'
    # The shorter and the longer side at most, as in the model's own processor.
    shorter, longer = 800, 1333

    @torch.no_grad()
    def scores(self, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return scores ``(Q, K)`` in [0, 1] and boxes ``(Q, 4)`` in pixels."""
        ids, spans = self._prompt()
        height, width = image.shape[:2]
        scale = min(self.shorter / min(height, width), self.longer / max(height, width))
        size = (max(1, round(height * scale)), max(1, round(width * scale)))
        pixels = F.interpolate(self._pixels(image), size, mode='bilinear', align_corners=False, antialias=True)
        tokens = torch.tensor([ids], device=self.model.device)
        out = self.model(
            pixel_values=_normalized(pixels, _IMAGENET),
            pixel_mask=torch.ones((1, *size), dtype=torch.long, device=self.model.device),
            input_ids=tokens,
            token_type_ids=torch.zeros_like(tokens),
            attention_mask=torch.ones_like(tokens),
        )
        tokens_scores = out.logits[0].float().sigmoid()
        scores = torch.stack([tokens_scores[:, first:last].amax(1) for first, last in spans], 1)
        boxes = corners_of_centers(out.pred_boxes[0].float().cpu().numpy(), (width, height))
        return scores.cpu().numpy(), boxes

    def _prompt(self) -> tuple[list[int], list[tuple[int, int]]]:
        """Return the prompt's tokens, and from where to where each class stands in them."""
        tokenizer = self.tokenizer
        stop = tokenizer('.', add_special_tokens=False).input_ids
        ids, spans = [tokenizer.cls_token_id], []
        for name in self.classes:
            own = tokenizer(name.lower(), add_special_tokens=False).input_ids
            spans.append((len(ids), len(ids) + len(own)))
            ids += [*own, *stop]
        ids.append(tokenizer.sep_token_id)
        limit = self.model.config.max_text_len
        if len(ids) > limit:
            raise UserError(f'Expected class names of at most {limit} tokens together, but got {len(ids)}; name fewer.')
        return ids, spans


@GENERATORS.register_module()
class Owlv2Boxes(ZeroShotBoxes):
    """Boxes from OWLv2, 'google/owlv2-base-patch16-ensemble' for instance; arguments of :class:`ZeroShotBoxes`.

    Each class is asked for as "a photo of a CLASS".
    """

    network = 'Owlv2ForObjectDetection'

    @torch.no_grad()
    def scores(self, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return scores ``(Q, K)`` in [0, 1] and boxes ``(Q, 4)`` in pixels."""
        config = self.model.config
        tokens = self.tokenizer(
            [f'a photo of a {name}' for name in self.classes],
            padding='max_length',
            truncation=True,
            max_length=config.text_config.max_position_embeddings,
            return_tensors='pt',
        ).to(self.model.device)
        height, width = image.shape[:2]
        longer, side = max(height, width), config.vision_config.image_size
        # A grey margin below and on the right makes a square; boxes are shares of its side.
        pixels = F.pad(self._pixels(image), (0, longer - width, 0, longer - height), value=_GREY)
        pixels = F.interpolate(pixels, (side, side), mode='bilinear', align_corners=False, antialias=True)
        out = self.model(
            pixel_values=_normalized(pixels, _CLIP),
            input_ids=tokens.input_ids,
            attention_mask=tokens.attention_mask,
        )
        boxes = corners_of_centers(out.pred_boxes[0].float().cpu().numpy(), (longer, longer))
        return out.logits[0].float().sigmoid().cpu().numpy(), boxes


def _normalized(pixels: Tensor, statistics: tuple[tuple[float, ...], tuple[float, ...]]) -> Tensor:
    mean, deviation = (torch.tensor(values, device=pixels.device).view(3, 1, 1) for values in statistics)
    return (pixels - mean) / deviation
