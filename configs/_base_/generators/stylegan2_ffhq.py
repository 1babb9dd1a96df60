# FFHQ, 1024 px: Tab. S1. Convert NVIDIA's stylegan2-ffhq-config-f with tools/convert_stylegan2.py.
_base_ = ['./stylegan2.py']
synthesis = dict(
    output='data/synthetic/stylemix_ffhq',
    classes=['face'],
    generator=dict(checkpoint='checkpoints/stylegan2_ffhq.safetensors', resolution=1024, cutoff=8),
    labeller=dict(clusters=3, foreground='saliency', color_space='lab'),
)
