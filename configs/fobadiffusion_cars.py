# fobadiffusion on Stanford Cars (paper, section 4), on the photos of its training split.
_base_ = [
    '_base_/models/concept_distiller.py',
    '_base_/datasets/concept_photos.py',
    '_base_/schedules/distill_20k.py',
    '_base_/default_runtime.py',
]
generator = 'CompVis/stable-diffusion-v1-4'
prompt, background = 'a photo of a car', 'a photo of a background'
concept = dict(
    photos=dict(type='StanfordCarsDataset', data_root='data/stanford_cars', split='train'),
    prompt=prompt,
    concepts=[['car']],
    background=background,
    generator=generator,
    canvas=(512, 512),
    evidence=dict(steps=50, max_steps=40, num_samples=1),  # T, T0 and N; authors' code
    labeller=dict(type='GaussianMixtureLabel', rule='means'),  # authors' code
    refine=dict(steps=50, guidance=1.0),  # authors' code
)
model = dict(generator=generator, prompts=(prompt, background))
work_dir = 'work_dirs/fobadiffusion_cars'
