"""Refiners that others compare G4Seg with, behind the same contract; none of them knows what the classes look like."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Any

import numpy as np

from mmseg_gen.errors import UserError
from mmseg_gen.functional.bilateral_solver import BilateralSettings, bilateral_solver
from mmseg_gen.functional.color_cut import ColorCutSettings, color_cut
from mmseg_gen.functional.crf import CrfSettings, dense_crf
from mmseg_gen.functional.guided_filter import GuidedSettings, guided_filter
from mmseg_gen.functional.pixel_adaptive import PamrSettings, pixel_adaptive_refinement
from mmseg_gen.refiners.contract import Refiner, hard_labels
from mmseg_gen.registry import REFINERS


@REFINERS.register_module()
class DenseCRF(Refiner):
    """The fully connected CRF (Kraehenbuehl and Koltun, NIPS 2011).

    Args:
        **settings: Of :class:`CrfSettings`.
    """

    def __init__(self, **settings: Any):
        self.settings = CrfSettings(**settings)

    def _refine(self, image: np.ndarray, probabilities: np.ndarray, classes: list[str]) -> np.ndarray:
        return dense_crf(probabilities, image, self.settings)


@REFINERS.register_module()
class BilateralSolver(Refiner):
    """The fast bilateral solver (Barron and Poole, ECCV 2016), on each class by itself.

    Args:
        confidence: Exponent p of the confidence ``|2 S - 1|^p`` of a pixel; 0 trusts all pixels alike.
        **settings: Of :class:`BilateralSettings`.
    """

    def __init__(self, confidence: float = 1.0, **settings: Any):
        if not confidence >= 0:
            raise ValueError(f'Expected `confidence` to be 0 or more, but got {confidence}.')
        self.confidence, self.settings = confidence, BilateralSettings(**settings)

    def _refine(self, image: np.ndarray, probabilities: np.ndarray, classes: list[str]) -> np.ndarray:
        # A class that is nowhere has nothing to smooth, and cells that no one is sure of would get 0.
        solved = [
            bilateral_solver(image, p, np.maximum(np.abs(2 * p - 1) ** self.confidence, 1e-3), self.settings)
            if p.max() > 0
            else p
            for p in probabilities
        ]
        return _normalized(np.stack(solved), probabilities)


@REFINERS.register_module()
class GuidedFilter(Refiner):
    """The guided filter (He et al., ECCV 2010), the image as its guide.

    Args:
        **settings: Of :class:`GuidedSettings`.
    """

    def __init__(self, **settings: Any):
        self.settings = GuidedSettings(**settings)

    def _refine(self, image: np.ndarray, probabilities: np.ndarray, classes: list[str]) -> np.ndarray:
        return _normalized(guided_filter(image, probabilities, self.settings), probabilities)


@REFINERS.register_module()
class PAMR(Refiner):
    """Pixel-adaptive mask refinement (Araslanov and Roth, CVPR 2020).

    Args:
        iterations: How often to average.
        dilations: Distances of the neighbours in pixels.
    """

    def __init__(self, iterations: int = 10, dilations: Sequence[int] = PamrSettings.dilations):
        self.settings = PamrSettings(iterations, tuple(dilations))

    def _refine(self, image: np.ndarray, probabilities: np.ndarray, classes: list[str]) -> np.ndarray:
        import torch

        pixels = torch.from_numpy(image).permute(2, 0, 1).float() / 255
        refined = pixel_adaptive_refinement(pixels, torch.from_numpy(probabilities), self.settings)
        return _normalized(refined.numpy(), probabilities)


@REFINERS.register_module()
class ColorCut(Refiner):
    """Minimum cuts with a colour model of each class, after GrabCut (Rother et al., SIGGRAPH 2004).

    The result is 49 % the probabilities and 51 % the cut's labels as one-hot maps: its largest class is the cut's.

    Args:
        **settings: Of :class:`ColorCutSettings`.
    """

    def __init__(self, **settings: Any):
        self.settings = ColorCutSettings(**settings)

    def _refine(self, image: np.ndarray, probabilities: np.ndarray, classes: list[str]) -> np.ndarray:
        labels = color_cut(image, probabilities, self.settings)
        one_hot = labels == np.arange(len(classes))[:, None, None]
        return (0.49 * probabilities + 0.51 * one_hot).astype(np.float32)


@REFINERS.register_module()
class CascadePSP(Refiner):
    """CascadePSP (Cheng et al., CVPR 2020) by its authors' package ``segmentation-refinement``, class by class.

    The package fetches its weights when it is first used, so it is not used unless ``download`` allows that.

    Args:
        download: Allow the package to fetch its weights.
        device: Where to run.
        fast: The package's fast mode: the global step only.
        side: Longer side L at which the package works.
    """

    def __init__(self, download: bool = False, device: str = 'cpu', fast: bool = False, side: int = 900):
        self.download, self.device, self.fast, self.side = download, device, fast, side
        self._model: Any = None

    def load(self) -> None:
        """Start the package."""
        self._load()

    def _refine(self, image: np.ndarray, probabilities: np.ndarray, classes: list[str]) -> np.ndarray:
        model, labels = self._load(), hard_labels(probabilities)
        result = probabilities.copy()
        for c in range(1, len(classes)):
            if (labels == c).any():
                bgr, mask = np.ascontiguousarray(image[..., ::-1]), (labels == c).astype(np.uint8) * 255
                result[c] = model.refine(bgr, mask, fast=self.fast, L=self.side).astype(np.float32) / 255
        result[0] = np.clip(1 - result[1:].sum(0), 0, 1)
        return _normalized(result, probabilities)

    def _load(self) -> Any:
        if self._model is None:
            try:
                package = import_module('segmentation_refinement')
            except ImportError as error:
                raise UserError(
                    'Expected the package of CascadePSP, but it is not installed; '
                    'run: pip install segmentation-refinement'
                ) from error
            if not self.download:
                raise UserError(
                    'Expected `download` to be True, since the package of CascadePSP fetches its weights by itself '
                    'when it is first used; set refiner.download=True to allow that.'
                )
            self._model = package.Refiner(device=self.device)
        return self._model


@REFINERS.register_module()
class RefinerChain(Refiner):
    """Refiners one after another.

    Args:
        refiners: Their configs, or refiners.
    """

    def __init__(self, refiners: Sequence[Any]):
        if not refiners:
            raise ValueError('Expected `refiners` to hold at least one, but got none.')
        self.refiners = [REFINERS.build(r) if isinstance(r, dict) else r for r in refiners]

    def load(self) -> None:
        """Load the weights of each."""
        for refiner in self.refiners:
            refiner.load()

    def _refine(self, image: np.ndarray, probabilities: np.ndarray, classes: list[str]) -> np.ndarray:
        for refiner in self.refiners:
            probabilities = refiner(image, probabilities, classes)
        return probabilities


def _normalized(values: np.ndarray, before: np.ndarray) -> np.ndarray:
    """Return values in [0, 1] that sum to 1, float32; where nothing is left, what was there before."""
    values = np.clip(values, 0, 1)
    total = values.sum(0)
    return np.where(total > 0, values / np.where(total > 0, total, 1), before).astype(np.float32)
