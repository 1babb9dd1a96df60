# The pipeline of fobadiffusion with Stable Diffusion, all but the photos and the words. The numbers are the authors'
# code's.
generator = 'CompVis/stable-diffusion-v1-4'
background = 'a photo of a background'
concept = dict(
    background=background,
    generator=generator,
    canvas=(512, 512),
    evidence=dict(steps=50, max_steps=40, num_samples=1),  # T, T0 and N
    labeller=dict(type='GaussianMixtureLabel', rule='means'),
    refine=dict(steps=50, guidance=1.0),
)
