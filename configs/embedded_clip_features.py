# The decoder of embedded_diffusionseg.py on the embedded CLIP's features instead of the UNet's (DiffusionSeg, Tab. 4).
_base_ = ['./embedded_diffusionseg.py']
model = dict(
    backbone=dict(_delete_=True, type='ClipBackbone', generator='embedded', layers=[1, 2, 3, 4]),
    # Patches of 8 px: one upsampling more than the UNet's grid of 4 px asks for.
    decode_head=dict(in_channels=[96, 96, 96, 96], upsample=(4, 2)),
)
