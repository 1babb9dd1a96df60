# AFHQ-cat, 512 px: Tab. S1. Convert NVIDIA's afhqcat.pkl with tools/convert_stylegan2.py.
_base_ = ['./stylegan2.py']
synthesis = dict(
    output='data/synthetic/stylemix_afhq_cat',
    classes=['cat'],
    generator=dict(checkpoint='checkpoints/stylegan2_afhq_cat.safetensors', resolution=512, cutoff=5),
    labeller=dict(clusters=2, foreground='corner', color_space='lab'),
)
