# MMSeg's DeepLabV3, ResNet-18 at a quarter of its width, on cats of the embedded StyleGAN2, labelled by style mixing.
#   python tools/synthesize.py configs/embedded_stylemix_deeplabv3.py
#   python tools/train.py configs/embedded_stylemix_deeplabv3.py
_base_ = [
    '_base_/generators/embedded_stylegan2.py',
    '_base_/datasets/cat_photos.py',
    '_base_/models/deeplabv3.py',
    '_base_/schedules/adam_1k.py',
    '_base_/default_runtime.py',
]
norm_cfg = dict(type='BN', requires_grad=True)
data_preprocessor = dict(size=(64, 64))
model = dict(
    data_preprocessor=data_preprocessor,
    backbone=dict(depth=18, stem_channels=16, base_channels=16, norm_cfg=norm_cfg),
    # Rates for features of 8 x 8 cells, as in embedded_deeplabv3.py.
    decode_head=dict(in_channels=128, channels=32, dilations=(1, 2, 3, 4), norm_cfg=norm_cfg),
)
env_cfg = dict(dist_cfg=dict(backend='gloo'))
