# fobadiffusion on CUB-200-2011 (paper, section 4): Stable Diffusion 1.4 learns what a bird is and what is background.
# The paper does not name its training photos; ours are those of ReDO's training split, so that its 1 000 test images
# stay unseen.
_base_ = [
    '_base_/models/concept_distiller.py',
    '_base_/datasets/concept_photos.py',
    '_base_/schedules/distill_20k.py',
    '_base_/default_runtime.py',
]
generator = 'CompVis/stable-diffusion-v1-4'
prompt, background = 'a photo of a bird', 'a photo of a background'
concept = dict(
    photos=dict(type='CUBDataset', data_root='data/CUB_200_2011', split='redo_train', with_masks=False),
    prompt=prompt,
    concepts=[['bird']],
    background=background,
    generator=generator,
    canvas=(512, 512),
    evidence=dict(steps=50, max_steps=40, num_samples=1),  # T, T0 and N; authors' code
    labeller=dict(type='GaussianMixtureLabel', rule='means'),  # authors' code
    refine=dict(steps=50, guidance=1.0),  # authors' code
)
model = dict(generator=generator, prompts=(prompt, background))
work_dir = 'work_dirs/fobadiffusion_cub'
