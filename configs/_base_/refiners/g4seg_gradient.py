# Ours: Eq. 7 taken literally. Chosen on the embedded models, not measured on Stable Diffusion.
refiner = dict(
    type='G4Seg',
    generator='stabilityai/stable-diffusion-2-1-base',
    prompt='A photo of {class}',
    update='gradient',
    timestep=600,
    samples=2,
    max_batch=2,
    injection=dict(cross_weight=0.0, self_weight=0.6, negative_branch=True),
    gradient=dict(steps=8, step=0.5, gate=0.17),
    band=dict(low=0.0, high=1.0, max_distance=40),
    normalization='complement',
)
