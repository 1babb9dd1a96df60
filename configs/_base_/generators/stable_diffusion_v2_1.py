# The synthesis stage with Stable Diffusion 2.1: 768 px, v-prediction (read from its scheduler).
_base_ = ['./stable_diffusion_v1_4.py']

# It vanished from the hub; load_parts goes to its mirror (mmseg_gen.generators.sources.KNOWN).
synthesis = dict(
    generator='stabilityai/stable-diffusion-2-1',
    output='data/synthetic/stable_diffusion_v2_1_imagenet',
    batch_size=4,
    height=768,
    width=768,
)
