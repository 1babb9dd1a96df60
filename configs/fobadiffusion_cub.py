# fobadiffusion on CUB-200-2011 (paper, section 4): Stable Diffusion 1.4 learns what a bird is and what is background.
# The paper does not name its training photos; ours are those of ReDO's training split, so that its 1 000 test images
# stay unseen.
_base_ = [
    '_base_/concepts/stable_diffusion_v1_4.py',
    '_base_/models/concept_distiller.py',
    '_base_/datasets/concept_photos.py',
    '_base_/schedules/distill_20k.py',
    '_base_/default_runtime.py',
]
prompt = 'a photo of a bird'
concept = dict(
    photos=dict(type='CUBDataset', data_root='data/CUB_200_2011', split='redo_train', with_masks=False),
    prompt=prompt,
    concepts=[['bird']],
)
model = dict(generator={{_base_.generator}}, prompts=(prompt, {{_base_.background}}))
work_dir = 'work_dirs/fobadiffusion_cub'
