# unet.py a quarter as wide, for images of 64 px.
_base_ = ['./unet.py']
norm_cfg = dict(type='BN', requires_grad=True)
data_preprocessor = dict(size=(64, 64))
model = dict(
    data_preprocessor=data_preprocessor,
    backbone=dict(base_channels=16, norm_cfg=norm_cfg),
    decode_head=dict(in_channels=16, channels=16, norm_cfg=norm_cfg),
)
