"""The segment decoder of DiffusionSeg (arXiv 2303.09813, 3.3.2): three convolutions over diffusion features.

Shape letters: B batch, C channels of a feature map, h and w the sides of the finest feature map, K output
channels.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mmcv.cnn import ConvModule, build_norm_layer
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from torch import Tensor, nn

from mmseg_gen.registry import MODELS


@MODELS.register_module()
class DiffusionFCNHead(BaseDecodeHead):
    """Classify pixels by three 3 x 3 convolutions, with an upsampling after the first and after the second.

    All maps are resized to the finest one and concatenated (B, sum(C), h, w). The paper says "three-layer
    FCN" and no more: the widths, the normalisation of the input and the upsampling are ours. A latent grid is
    4 to 8 times coarser than the image, so an FCN without upsampling would draw every contour in blocks of
    that size.

    Args:
        in_channels: Channels of each feature map, as in `DiffusionBackbone.out_channels`.
        in_index: Feature maps to use, one for each entry of ``in_channels``; all of them in order by default.
        widths: Output channels of the first and of the second convolution.
        upsample: Enlargement after the first and after the second convolution; 1 for none. The logits are
            (B, K, h * product, w * product).
        upsample_mode: 'deconv' for transposed convolutions, which can place contours between latent cells, or
            'bilinear'.
        normalize_inputs: Normalise the concatenated maps with ``norm_cfg`` first: layers differ in scale.
        num_classes: Number of classes, the background included.
        out_channels: ``num_classes``, or 1 for one sigmoid output where there are two classes.
        threshold: Probability from which a pixel is foreground, for one sigmoid output.
        norm_cfg: Normalisation layer.
        loss_decode: Loss or losses; void pixels are left out of the mean by default.
        **kwargs: As in MMSeg's `BaseDecodeHead`: ``dropout_ratio``, ``ignore_index``, ``sampler``,
        ``init_cfg`` ...

    Raises:
        ValueError: ``widths``, ``upsample`` or ``upsample_mode`` are not of the kind above.
    """

    def __init__(
        self,
        in_channels: Sequence[int],
        *,
        in_index: Sequence[int] | None = None,
        widths: tuple[int, int] = (128, 64),
        upsample: tuple[int, int] = (2, 2),
        upsample_mode: str = 'deconv',
        normalize_inputs: bool = True,
        num_classes: int = 2,
        out_channels: int | None = None,
        threshold: float = 0.5,
        norm_cfg: dict | None = None,
        loss_decode: dict | Sequence[dict] | None = None,
        **kwargs: Any,
    ) -> None:
        _check_settings(in_channels, widths, upsample, upsample_mode)
        out_channels = num_classes if out_channels is None else out_channels
        norm_cfg = dict(type='BN') if norm_cfg is None else norm_cfg
        default_loss = dict(type='CrossEntropyLoss', use_sigmoid=out_channels == 1, avg_non_ignore=True)
        super().__init__(
            in_channels=list(in_channels),
            in_index=list(range(len(in_channels)) if in_index is None else in_index),
            input_transform='resize_concat',
            channels=widths[1],
            num_classes=num_classes,
            out_channels=out_channels,
            threshold=threshold if out_channels == 1 else None,
            norm_cfg=norm_cfg,
            loss_decode=default_loss if loss_decode is None else loss_decode,
            **kwargs,
        )
        self.map_channels = list(in_channels)
        self.norm = build_norm_layer(norm_cfg, self.in_channels)[1] if normalize_inputs else nn.Identity()
        self.layers = nn.Sequential(
            self._convolution(self.in_channels, widths[0]),
            _upsampling(widths[0], upsample[0], upsample_mode),
            self._convolution(widths[0], widths[1]),
            _upsampling(widths[1], upsample[1], upsample_mode),
        )
        self.conv_seg = nn.Conv2d(widths[1], out_channels, kernel_size=3, padding=1)

    def _convolution(self, in_channels: int, out_channels: int) -> ConvModule:
        settings = dict(conv_cfg=self.conv_cfg, norm_cfg=self.norm_cfg, act_cfg=self.act_cfg)
        return ConvModule(in_channels, out_channels, 3, padding=1, **settings)

    def forward(self, inputs: Sequence[Tensor]) -> Tensor:
        """Return logits (B, K, H, W), finer than the finest map by the product of ``upsample``.

        Args:
            inputs: Feature maps (B, C, h, w), the finest first.

        Raises:
            ValueError: The maps are not those that ``in_channels`` announced.
        """
        self._check_maps(inputs)
        return self.cls_seg(self.layers(self.norm(self._transform_inputs(inputs))))

    def _check_maps(self, inputs: Sequence[Tensor]) -> None:
        channels = [x.shape[1] for x in inputs]
        chosen = [channels[i] if i < len(channels) else None for i in self.in_index]
        if chosen != self.map_channels:
            raise ValueError(
                f'Expected feature maps {self.in_index} to have {self.map_channels} channels, but got '
                f'{chosen} out of {channels}; set `decode_head.in_channels` to those of the backbone.'
            )


def _upsampling(channels: int, factor: int, mode: str) -> nn.Module:
    if factor == 1:
        return nn.Identity()
    if mode == 'bilinear':
        return nn.Upsample(scale_factor=factor, mode='bilinear', align_corners=False)
    # A kernel of twice the stride covers every output pixel equally often, so no checkerboard arises.
    padding, extra = (factor + 1) // 2, factor % 2
    return nn.ConvTranspose2d(channels, channels, 2 * factor, stride=factor, padding=padding, output_padding=extra)


def _check_settings(
    in_channels: Sequence[int], widths: Sequence[int], upsample: Sequence[int], upsample_mode: str
) -> None:
    if isinstance(in_channels, int) or not in_channels:
        raise ValueError(f'Expected `in_channels` to list the channels of each feature map, but got {in_channels}.')
    for name, pair in (('widths', widths), ('upsample', upsample)):
        if len(pair) != 2 or any(int(value) != value or value < 1 for value in pair):
            raise ValueError(f'Expected `{name}` to be two positive integers, but got {pair}.')
    if upsample_mode not in ('deconv', 'bilinear'):
        raise ValueError(f"Expected `upsample_mode` to be 'deconv' or 'bilinear', but got {upsample_mode!r}.")
