# DiffusionSeg end to end on the models that ship with the package: no downloads, no GPU, minutes on two
# cores.
_base_ = [
    '_base_/generators/embedded.py',
    '_base_/datasets/synthetic_scenes.py',
    '_base_/models/diffusion_fcn.py',
    '_base_/schedules/adam_1k.py',
    '_base_/default_runtime.py',
]
data_preprocessor = dict(size=(64, 64))
model = dict(
    data_preprocessor=data_preprocessor,
    backbone=dict(
        generator='embedded',
        clip=None,  # the one that comes with it
        steps=10,
        passes='invert',
        # Ours: the small model has one transformer block per level of its encoder, so the decoder's join them.
        blocks='all',
        prior=dict(classes='embedded', templates=['a photo of a {}']),
        cache_features=True,
    ),
    decode_head=dict(
        # The finest first, whatever their place in the UNet.
        in_channels=[64, 64, 64, 112, 112, 112, 192, 192, 192, 192],
        widths=(64, 32),
        norm_cfg=dict(type='BN'),
    ),
)
env_cfg = dict(dist_cfg=dict(backend='gloo'))
