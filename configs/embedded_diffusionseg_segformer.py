# embedded_diffusionseg.py with SegFormer's head in place of the three-layer FCN: same synthetic set, same test, 1000
# iterations.
_base_ = [
    '_base_/generators/embedded.py',
    '_base_/datasets/synthetic_scenes.py',
    '_base_/models/diffusion_segformer.py',
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
        blocks='all',
        prior=dict(classes='embedded', templates=['a photo of a {}']),
        cache_features=True,
    ),
    decode_head=dict(
        in_channels=[64, 64, 64, 112, 112, 112, 192, 192, 192, 192],
        in_index=[0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
        channels=64,
        norm_cfg=norm_cfg,
    ),
)
env_cfg = dict(dist_cfg=dict(backend='gloo'))
