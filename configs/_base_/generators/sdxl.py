# The synthesis stage with Stable Diffusion XL: 1024 px. Not run with the real weights.
_base_ = ['./stable_diffusion_v1_4.py']

# Its autoencoder stays in float32 under dtype='float16'. guidance: default of diffusers' pipeline.
synthesis = dict(
    generator='stabilityai/stable-diffusion-xl-base-1.0',
    output='data/synthetic/sdxl_imagenet',
    guidance=5.0,
    batch_size=2,
    height=1024,
    width=1024,
)
