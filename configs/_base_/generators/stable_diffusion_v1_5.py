# The synthesis stage with Stable Diffusion 1.5: as with 1.4, whose settings it takes.
_base_ = ['./stable_diffusion_v1_4.py']

# The first place, runwayml/stable-diffusion-v1-5, was deleted; this is the mirror.
synthesis = dict(
    generator='stable-diffusion-v1-5/stable-diffusion-v1-5', output='data/synthetic/stable_diffusion_v1_5_imagenet'
)
