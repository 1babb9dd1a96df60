# CelebA-HQ: photographs inverted into the generator of FFHQ, Tab. S1. The paper inverts with ReStyle's encoder, this
# with optimisation. Link the photographs of the training split alone into the folder: those of the test are judged.
_base_ = ['./stylegan2_ffhq.py']
synthesis = dict(
    output='data/synthetic/stylemix_celebahq',
    generator=dict(
        photos='data/CelebAMask-HQ/CelebA-HQ-train', inversion=dict(space='w+', steps=1000, style_weight=0.01)
    ),
    num_samples=None,
    dtype='float32',  # the optimisation needs it
)
