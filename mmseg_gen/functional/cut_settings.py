"""Settings of AttentionCut."""

from __future__ import annotations

from dataclasses import dataclass

from .bilateral_solver import BilateralSettings

_LARGE = 1e6
_RANGES = (
    (('lambda_cross', 'lambda_phi', 'lambda_self', 'lambda_psi', 'lam', 'color_scale', 'color_weight'), 0, _LARGE),
    (('top_k', 'num_seeds'), 1, _LARGE),
    (('color_rounds',), 0, 100),
    (('color_bins',), 2, 64),
    (('tau', 'min_component', 'min_objectness'), 0, 1),
    (('bias',), -30, 30),
    (('epsilon',), 1e-6, 0.499),
)
_WORDS = {
    'grid': ('image', 'attention'),
    'neighborhood': (8, 4),
    'calibration': ('min_max', 'mixture', 'border'),
    'color_space': ('lab', 'rgb'),
    'refinement': ('none', 'bilateral'),
}


@dataclass(frozen=True)
class CutSettings:
    """Settings of AttentionCut. The three lambdas are the paper's; all other defaults are ours.

    Attributes:
        top_k: Cross-attention layers averaged, by raw deviation.
        tau: Threshold on the class map whose boundary gives the seeds, in [0, 1]. Used where evidence is
            collected.
        num_seeds: Seeds drawn from that boundary. Used where evidence is collected.
        lambda_cross: Weight of the class map in the objectness; 1 is the paper's, 0 leaves the seed map alone (Tab. 6).
        lambda_phi: Weight of the seed map in the objectness.
        lambda_self: Weight of the semantic coherence; 1 is the paper's, 0 leaves the spatial one alone (Tab. 6).
        lambda_psi: Weight of the spatial coherence.
        lam: Weight of the coherence against the objectness (the paper's lambda).
        color_scale: Factor on colour differences inside ``exp(-D)``; the paper leaves the scale of the image
            open.
        color_space: 'lab' (CIELAB / 100) or 'rgb' (in [0, 1]).
        grid: 'image' cuts at the image's size with the attention upsampled; 'attention' cuts on the
            attention's grid.
        neighborhood: 8, or 4 for pixels that share a side only.
        max_side: Larger images are cut at this longer side, and the mask is brought back to size; None:
            never.
        calibration: 'min_max' (the paper's map stretched to [0, 1]), 'mixture' (centred between the two means of the
            map's values, which large objects need) or 'border' (the same, after the map is turned over where it is
            higher along the image's border than inside: for maps of the empty prompt, without a class from CLIP).
        bias: Added to the logit of the objectness; negative ones give smaller masks.
        epsilon: Objectness is kept this far from 0 and 1, in [1e-6, 0.499].
        color_rounds: Further cuts, each with a colour model of the mask before it; 0 is the paper's energy.
        color_weight: Weight of that colour model, in nats per nat.
        color_bins: Histogram cells per channel of the colour model.
        min_component: Components below this share of the mask's area are dropped, in [0, 1].
        min_objectness: Components whose mean class map is below this share of the best component's are
            dropped, in [0, 1]; 0 keeps all. For scenes with objects of other classes.
        fill_holes: Fill holes of the mask.
        refinement: 'bilateral' fits the mask to the image's edges by the fast bilateral solver before the clean-up.
        bilateral_spatial: Its cells' side in pixels (this and the next three: TokenCut's, for some 500 pixels).
        bilateral_luma: Its cells' height in brightness, [0, 255].
        bilateral_chroma: Its cells' width in chroma, [0, 255].
        bilateral_lam: Its weight of smoothness.

    Raises:
        ValueError: A value is out of range.
    """

    top_k: int = 2
    tau: float = 0.5
    num_seeds: int = 16
    lambda_cross: float = 1.0
    lambda_phi: float = 0.16
    lambda_self: float = 1.0
    lambda_psi: float = 2.5
    lam: float = 0.1
    color_scale: float = 20.0
    color_space: str = 'lab'
    grid: str = 'image'
    neighborhood: int = 8
    max_side: int | None = 1024
    calibration: str = 'min_max'
    bias: float = 0.0
    epsilon: float = 0.01
    color_rounds: int = 0
    color_weight: float = 1.0
    color_bins: int = 12
    min_component: float = 0.1
    min_objectness: float = 0.0
    fill_holes: bool = True
    refinement: str = 'none'
    bilateral_spatial: float = 16.0
    bilateral_luma: float = 16.0
    bilateral_chroma: float = 8.0
    bilateral_lam: float = 256.0

    def __post_init__(self) -> None:
        for names, low, high in _RANGES:
            for name in names:
                if not low <= getattr(self, name) <= high:
                    raise ValueError(f'Expected `{name}` in [{low}, {high}], but got {getattr(self, name)}.')
        for name, words in _WORDS.items():
            if getattr(self, name) not in words:
                raise ValueError(
                    f'Expected `{name}` from {", ".join(map(str, words))}, but got {getattr(self, name)!r}.'
                )
        if self.max_side is not None and self.max_side < 1:
            raise ValueError(f'Expected `max_side` to be 1 or more, but got {self.max_side}.')
        if self.refinement == 'bilateral':
            self.bilateral()

    def bilateral(self) -> BilateralSettings:
        """Return the settings of the bilateral solver."""
        return BilateralSettings(self.bilateral_spatial, self.bilateral_luma, self.bilateral_chroma, self.bilateral_lam)


# For the embedded models: small maps of several layers, a few of them inverted, and strong colours. Chosen by
# coordinate searches (`tools/tune_cut.py`) for mean IoU on 60 scenes, the last four on 240, that nothing else is
# measured on. Holes are kept: cups have handles, and the gaps between sails are background.
EMBEDDED_CUT = CutSettings(
    top_k=3,
    lambda_phi=0.5,
    lam=2.0,
    color_rounds=3,
    color_weight=4.0,
    min_objectness=0.75,
    lambda_self=0.3,
    color_scale=10.0,
    color_bins=12,
    fill_holes=False,
)
