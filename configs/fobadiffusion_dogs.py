# fobadiffusion on Stanford Dogs (paper, section 4), on the photos of its training split.
_base_ = [
    '_base_/concepts/stable_diffusion_v1_4.py',
    '_base_/models/concept_distiller.py',
    '_base_/datasets/concept_photos.py',
    '_base_/schedules/distill_20k.py',
    '_base_/default_runtime.py',
]
prompt = 'a photo of a dog'
concept = dict(
    photos=dict(type='StanfordDogsDataset', data_root='data/stanford_dogs', split='train'),
    prompt=prompt,
    concepts=[['dog']],
)
model = dict(generator={{_base_.generator}}, prompts=(prompt, {{_base_.background}}))
work_dir = 'work_dirs/fobadiffusion_dogs'
