# deeplabv3.py with a ResNet-18 at a quarter of its width, for images of 64 px.
_base_ = ['./deeplabv3.py']
norm_cfg = dict(type='BN', requires_grad=True)
data_preprocessor = dict(size=(64, 64))
model = dict(
    data_preprocessor=data_preprocessor,
    backbone=dict(depth=18, stem_channels=16, base_channels=16, norm_cfg=norm_cfg),
    # Rates for features of 8 x 8 cells: at those of 512 px all but the middle weight would see padding.
    decode_head=dict(in_channels=128, channels=32, dilations=(1, 2, 3, 4), norm_cfg=norm_cfg),
)
