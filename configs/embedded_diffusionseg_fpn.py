# embedded_diffusionseg.py with a feature pyramid in place of the three-layer FCN: same synthetic set, same test, 1000
# iterations.
_base_ = [
    '_base_/generators/embedded.py',
    '_base_/datasets/synthetic_scenes.py',
    '_base_/models/diffusion_fpn.py',
    '_base_/schedules/adam_1k.py',
    '_base_/default_runtime.py',
]
norm_cfg = dict(type='BN', requires_grad=True)
data_preprocessor = dict(size=(64, 64))
model = dict(
    data_preprocessor=data_preprocessor,
    backbone=dict(
        generator='embedded',
        clip=None,  # the one that comes with it
        steps=10,
        passes='invert',
        blocks=[0, 1, 2],  # its encoder's, one a level
        prior=dict(classes='embedded', templates=['a photo of a {}']),
        cache_features=True,
    ),
    neck=dict(in_channels=[64, 112, 192], out_channels=64),
    decode_head=dict(
        in_channels=[64, 64, 64],
        feature_strides=[4, 8, 16],
        channels=64,
        norm_cfg=norm_cfg,
    ),
)
env_cfg = dict(dist_cfg=dict(backend='gloo'))
