# fobadiffusion on the embedded models: 150 rendered photos that all show a bird, no mask, to refined masks, generated
# images and a U-Net; judged by masks that were kept aside, on the photos and on 100 others. On two CPU cores.
#   python tools/distill.py configs/embedded_fobadiffusion.py
_base_ = [
    '_base_/models/concept_distiller.py',
    '_base_/datasets/concept_photos.py',
    '_base_/schedules/distill_20k.py',
    '_base_/default_runtime.py',
]
work_dir = 'work_dirs/embedded_fobadiffusion'
scenes = [
    dict(root=f'{work_dir}/photos', count=150, classes=['bird'], split='train'),
    dict(root=f'{work_dir}/test_photos', count=100, classes=['bird'], split='test'),
]
prompt, background = 'a photo of a bird', 'a photo of a background'
concept = dict(
    photos=f'{work_dir}/photos/photos',
    truth=f'{work_dir}/photos/truth',
    test=dict(photos=f'{work_dir}/test_photos/photos', truth=f'{work_dir}/test_photos/truth'),
    prompt=prompt,
    concepts=[['bird']],
    background=background,
    generator='embedded',
    canvas=(64, 64),
    # Chosen on tuning scenes: AUC 0.981 with T0 = 20, 0.973 with the paper's 40; preliminary IoU 0.74 and 0.67.
    evidence=dict(steps=50, max_steps=20, num_samples=1),
    # Scenes without an object have maps flatter than this.
    labeller=dict(type='GaussianMixtureLabel', rule='means', min_contrast=0.1),
    refine=dict(steps=20, guidance=1.0),
    # With guidance 1 many images show several things, or none; 2 was chosen by eye on the strip over w.
    synthesis=dict(
        num_samples=150,
        steps=20,
        guidance=2.0,
        batch_size=16,
        filter=dict(min_area=0.02, max_area=0.6, drop_uncertain_share=0.3),
    ),
    segmentor='embedded_concept_unet.py',
)
model = dict(generator='embedded', prompts=(prompt, background), latent_cache_mb=64)
train_dataloader = dict(
    batch_size=16,
    num_workers=0,
    persistent_workers=False,
    dataset=dict(canvas=(64, 64), cell=4, fit='stretch'),
)
# A tenth of the paper's learning rate: from 3e-4 on refined masks got worse, see docs/fobadiffusion.md.
optim_wrapper = dict(optimizer=dict(lr=3e-5))
train_cfg = dict(max_iters=300)
default_hooks = dict(checkpoint=dict(interval=100))
custom_hooks = [
    dict(type='EMAHook', ema_type='MomentumAnnealingEMA', momentum=0.01, gamma=9),
    dict(type='FiniteTrainingHook'),
    dict(type='SampleOutcomesHook'),
]
env_cfg = dict(dist_cfg=dict(backend='gloo'))
