# fobadiffusion on crops of people from Human3.6M: 6 000 random ones of 256 x 256 px from its training subjects in the
# paper (section 4), see docs/datasets/human36m.md. The prompt is that of the authors' code.
_base_ = [
    '_base_/models/concept_distiller.py',
    '_base_/datasets/concept_photos.py',
    '_base_/schedules/distill_20k.py',
    '_base_/default_runtime.py',
]
generator = 'CompVis/stable-diffusion-v1-4'
prompt, background = 'a photo of a human with arms and legs', 'a photo of a background'
concept = dict(
    photos=dict(type='Human36MDataset', data_root='data/human36m', split='train', with_masks=False, boxes_file=None),
    prompt=prompt,
    concepts=[['human', 'arms', 'legs']],
    background=background,
    generator=generator,
    canvas=(512, 512),
    evidence=dict(steps=50, max_steps=40, num_samples=1),  # T, T0 and N; authors' code
    labeller=dict(type='GaussianMixtureLabel', rule='means'),  # authors' code
    refine=dict(steps=50, guidance=1.0),  # authors' code
)
model = dict(generator=generator, prompts=(prompt, background))
work_dir = 'work_dirs/fobadiffusion_human36m'
