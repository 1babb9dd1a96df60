"""Record a UNet's attention while it runs: running sums, never one tensor per step.

Shape letters: N samples, H heads, Q queries (pixels of a layer, h * w), K keys (prompt tokens or pixels),
L layers. diffusers offers no attention capture and its fused kernel never forms the probabilities, hence
processors of our own, in the recorded layers only.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from diffusers import UNet2DConditionModel
from torch import Tensor

from .attention_layers import AttentionLayers
from .attention_processor import RecordingProcessor
from .recording import Recording, network_order

Grid = tuple[int, int]


class AttentionRecorder(Recording):
    """Sums attention over steps, heads averaged at once; the output of the network does not change.

    Memory does not grow with the number of steps: ``N Q K`` numbers per cross layer, ``N n^2`` per
    self-attention grid. Self-attention of all layers on one grid shares one sum.

    Args:
        unet: The network to listen to.
        size: Height and width of the latents.
        cross: Record cross-attention.
        self_attention: Record self-attention.
        max_self_side: Leave out self-attention on grids with a longer side; 64 x 64 takes 67 MB a sample.
        every: Record each layer at its first call and at every so many calls after it; the others cost nothing more
            than without a recorder.
        conditional_half: See :class:`Recording`; the samplers of this package set it themselves.

    Raises:
        ValueError: ``every`` is below 1, or the network has attention processors whose mathematics is not known here.
    """

    def __init__(
        self,
        unet: UNet2DConditionModel,
        size: Grid,
        cross: bool = True,
        self_attention: bool = True,
        max_self_side: int | None = None,
        conditional_half: bool = False,
        every: int = 1,
    ):
        super().__init__(conditional_half)
        if every < 1:
            raise ValueError(f'Expected `every` to be 1 or more calls, but got {every}.')
        self.every = every
        self.unet, self.size = unet, (int(size[0]), int(size[1]))
        self.cross, self.self_attention, self.max_self_side = cross, self_attention, max_self_side
        self._grids = level_grids(self.size)
        self.reset()

    def reset(self) -> None:
        """Forget everything recorded."""
        self._cross: dict[str, Tensor] = {}
        self._self: dict[Grid, Tensor] = {}
        self._calls: dict[str, int] = {}
        self._steps: dict[str, int] = {}
        self._self_layers: dict[Grid, list[str]] = {}

    @property
    def cross_layers(self) -> list[str]:
        """Names of the recorded cross-attention layers, in the order of :meth:`cross_maps`."""
        return sorted(self._cross, key=lambda name: network_order(name)[0])

    def _install(self) -> None:
        self._layers = AttentionLayers(self.unet)
        self._layers.replace(lambda name, own: RecordingProcessor(name, own, self))

    def _remove(self) -> None:
        self._layers.restore()

    def running_sum(
        self, name: str, is_cross: bool, batch: int, queries: int, keys: int, device: torch.device
    ) -> Tensor | None:
        """Return where a layer adds its attention now, ``(N, Q, K)`` float32; None if it is not recorded.

        Args:
            name: The layer.
            is_cross: Whether its keys are prompt tokens.
            batch: Samples to read, N.
            queries: Q.
            keys: K.
            device: Where to sum.

        Raises:
            ValueError: Q fits no grid of ``size``, or the shape differs from the step before.
        """
        if not (self.listening and (self.cross if is_cross else self.self_attention)):
            return None
        grid = self._grids.get(queries)
        if grid is None:
            raise ValueError(
                f'Expected `size` to be the height and width of the latents, but got {self.size}, and layer '
                f'{name} has {queries} pixels.'
            )
        if not is_cross and self.max_self_side is not None and max(grid) > self.max_self_side:
            return None
        self._calls[name] = self._calls.get(name, 0) + 1
        if (self._calls[name] - 1) % self.every:
            return None
        sums, key = (self._cross, name) if is_cross else (self._self, grid)
        shape = (batch, queries, keys)
        if key not in sums:
            sums[key] = torch.zeros(shape, device=device)
        elif sums[key].shape != shape:
            raise ValueError(
                f'Expected {name} to attend with shape {tuple(sums[key].shape)} at every step, but got '
                f'{shape}; call reset() between batches.'
            )
        self._steps[name] = self._steps.get(name, 0) + 1
        if not is_cross and name not in self._self_layers.setdefault(grid, []):
            self._self_layers[grid].append(name)
        return sums[key]

    def cross_maps(self, positions: Sequence[Sequence[int]]) -> list[Tensor]:
        """Return the raw attention to each sample's tokens, L maps ``(N, h, w)`` in [0, 1].

        Mean over steps, heads and the sample's tokens, each layer on its own grid.

        Args:
            positions: Token positions of the class, one list per sample.

        Raises:
            ValueError: Nothing was recorded, the positions do not fit, or the attention is not finite.
        """
        if not self._cross:
            raise ValueError(
                'Expected cross-attention to have been recorded, but got none; run the UNet inside `with`.'
            )
        maps = []
        for name in self.cross_layers:
            sums = self._cross[name]
            _check_positions(positions, len(sums), sums.shape[2])
            chosen = (
                torch.stack([s[:, list(p)].mean(1) for s, p in zip(sums, positions, strict=True)]) / self._steps[name]
            )
            maps.append(_finite(chosen, name).reshape(-1, *self._grids[sums.shape[1]]))
        return maps

    def self_levels(self, index: int) -> list[tuple[float, Tensor, Grid]]:
        """Return one sample's self-attention per grid as ``(weight, (n, n), (h, w))``, finest first.

        Mean over steps, heads and layers of the grid, rows summing to 1; the weight is the grid's share of
        the layers, so that the weighted mean over grids is the mean over layers.

        Args:
            index: The sample, in [0, N).

        Raises:
            ValueError: Nothing was recorded, or the attention is not finite.
        """
        if not self._self:
            raise ValueError('Expected self-attention to have been recorded, but got none; run the UNet inside `with`.')
        total = sum(len(layers) for layers in self._self_layers.values())
        levels = []
        for grid in sorted(self._self, reverse=True):
            layers = self._self_layers[grid]
            mean = self._self[grid][index] / sum(self._steps[name] for name in layers)
            levels.append((len(layers) / total, _finite(mean, f'self-attention at {grid[0]} x {grid[1]}'), grid))
        return levels

    @property
    def num_bytes(self) -> int:
        """Memory of the running sums."""
        return sum(t.numel() * t.element_size() for t in (*self._cross.values(), *self._self.values()))


def level_grids(size: Grid) -> dict[int, Grid]:
    """Map numbers of pixels to grids: each level of a UNet halves the sides and rounds up."""
    grids = {}
    height, width = size
    if height < 1 or width < 1:
        raise ValueError(f'Expected `size` of at least (1, 1), but got {size}.')
    while height * width not in grids:
        grids[height * width] = (height, width)
        height, width = (height + 1) // 2, (width + 1) // 2
    return grids


def _check_positions(positions: Sequence[Sequence[int]], samples: int, tokens: int) -> None:
    if len(positions) != samples:
        raise ValueError(
            f'Expected one list of token positions for each of {samples} samples, but got {len(positions)}.'
        )
    for i, own in enumerate(positions):
        if not own or min(own) < 0 or max(own) >= tokens:
            raise ValueError(
                f'Expected token positions of sample {i} in [0, {tokens}), at least one, but got {list(own)}.'
            )


def _finite(attention: Tensor, name: str) -> Tensor:
    if not torch.isfinite(attention).all():
        raise ValueError(
            f'Expected finite attention in {name}, but got NaN or infinite values. Load the model in '
            'dtype=torch.float32, or check its weights.'
        )
    return attention
