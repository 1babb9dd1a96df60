# Two concepts in every photo: label maps of birds and cars from 48 rendered photos, without fine-tuning.
#   python tools/distill.py configs/embedded_fobadiffusion_pairs.py
_base_ = ['_base_/default_runtime.py']
work_dir = 'work_dirs/embedded_fobadiffusion_pairs'
scenes = [dict(root=f'{work_dir}/photos', count=48, classes=['bird', 'car'], split='train')]
concept = dict(
    photos=f'{work_dir}/photos/photos',
    truth=f'{work_dir}/photos/truth',
    prompt='a photo of a bird and a car',
    concepts=[['bird'], ['car']],
    generator='embedded',
    canvas=(64, 64),
    evidence=dict(steps=50, max_steps=20, num_samples=1),
    labeller=dict(type='GaussianMixtureLabel', rule='means', min_contrast=0.1),
    refine=dict(steps=20, guidance=1.0),
)
