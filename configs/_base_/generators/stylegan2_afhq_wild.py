# AFHQ-wild, 512 px: Tab. S1. Convert NVIDIA's afhqwild.pkl with tools/convert_stylegan2.py.
_base_ = ['./stylegan2.py']
synthesis = dict(
    output='data/synthetic/stylemix_afhq_wild',
    classes=['wild animal'],
    generator=dict(checkpoint='checkpoints/stylegan2_afhq_wild.safetensors', resolution=512, cutoff=7),
    labeller=dict(clusters=3, foreground='saliency', color_space='lab'),
)
