# fobadiffusion on crops of people from Human3.6M: 6 000 random ones of 256 x 256 px from its training subjects in the
# paper (section 4), see docs/datasets/human36m.md. The prompt is that of the authors' code.
_base_ = [
    '_base_/concepts/stable_diffusion_v1_4.py',
    '_base_/models/concept_distiller.py',
    '_base_/datasets/concept_photos.py',
    '_base_/schedules/distill_20k.py',
    '_base_/default_runtime.py',
]
prompt = 'a photo of a human with arms and legs'
concept = dict(
    photos=dict(type='Human36MDataset', data_root='data/human36m', split='train', with_masks=False, boxes_file=None),
    prompt=prompt,
    concepts=[['human', 'arms', 'legs']],
)
model = dict(generator={{_base_.generator}}, prompts=(prompt, {{_base_.background}}))
work_dir = 'work_dirs/fobadiffusion_human36m'
