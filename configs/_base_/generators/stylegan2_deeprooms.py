# DeepRooms, 1024 px: Tab. S1, label maps of five classes. The paper takes boxes from GLIP for "sofa, coffee table,
# lamp, side table, rug, in a livingroom"; this from Grounding DINO. Its generator was not published: train one.
_base_ = ['./stylegan2.py']
synthesis = dict(
    output='data/synthetic/stylemix_deeprooms',
    classes=['sofa', 'coffee table', 'lamp', 'side table', 'rug'],
    generator=dict(
        checkpoint='checkpoints/stylegan2_deeprooms.safetensors',
        resolution=1024,
        cutoff=8,
        boxes=dict(type='GroundingDinoBoxes', model='IDEA-Research/grounding-dino-base', threshold=0.35),
    ),
    labeller=dict(clusters=2, foreground='corner', color_space='rgb'),
)
