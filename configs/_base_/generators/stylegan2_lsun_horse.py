# LSUN-Horse: Tab. S1. The paper takes boxes from GLIP for "horses"; this from Grounding DINO. Convert NVIDIA's
# stylegan2-horse-config-f (256 px; the paper says 512) with tools/convert_stylegan2.py.
_base_ = ['./stylegan2.py']
synthesis = dict(
    output='data/synthetic/stylemix_lsun_horse',
    classes=['horse'],
    generator=dict(
        checkpoint='checkpoints/stylegan2_lsun_horse.safetensors',
        cutoff=5,
        boxes=dict(type='GroundingDinoBoxes', model='IDEA-Research/grounding-dino-base', threshold=0.35),
    ),
    labeller=dict(clusters=2, foreground='corner', color_space='lab'),
)
