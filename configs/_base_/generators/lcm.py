# The synthesis stage with a latent consistency model: few steps, each under the prompt alone. Not run with the
# real weights. It can make data sets; photographs cannot be inverted with it.
_base_ = ['./stable_diffusion_v1_4.py']

# steps: 4 to 8 in the paper. guidance: default of diffusers' pipeline.
synthesis = dict(
    generator='SimianLuo/LCM_Dreamshaper_v7',
    output='data/synthetic/lcm_imagenet',
    steps=4,
    guidance=8.5,
    batch_size=4,
    height=768,
    width=768,
)
