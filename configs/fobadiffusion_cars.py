# fobadiffusion on Stanford Cars (paper, section 4), on the photos of its training split.
_base_ = [
    '_base_/concepts/stable_diffusion_v1_4.py',
    '_base_/models/concept_distiller.py',
    '_base_/datasets/concept_photos.py',
    '_base_/schedules/distill_20k.py',
    '_base_/default_runtime.py',
]
prompt = 'a photo of a car'
concept = dict(
    photos=dict(type='StanfordCarsDataset', data_root='data/stanford_cars', split='train'),
    prompt=prompt,
    concepts=[['car']],
)
model = dict(generator={{_base_.generator}}, prompts=(prompt, {{_base_.background}}))
work_dir = 'work_dirs/fobadiffusion_cars'
