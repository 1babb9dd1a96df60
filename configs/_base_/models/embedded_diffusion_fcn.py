# The features and decoder of diffusion_fcn.py on the embedded model, 64 px.
_base_ = ['diffusion_fcn.py']
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
