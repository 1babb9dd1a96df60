# G4Seg with the paper's settings (Sec. 4.1): Stable Diffusion 2.1 at 512 px, one step at t = 400, CLIP features, the
# band [0.2, 0.6] within 40 pixels of the edge. The CLIP variant is ours: the paper names none.
refiner = dict(
    type='G4Seg',
    generator='stabilityai/stable-diffusion-2-1-base',
    clip='openai/clip-vit-base-patch16',
    prompt='A photo of {class}',
    names=dict(diningtable='dining table', pottedplant='potted plant', tvmonitor='tv monitor'),
    update='mix',
    timestep=400,
    beta=0.8,  # 0.9 for weakly supervised masks
    injection=dict(cross_weight=1.0, self_weight=0.3),  # DenseDiffusion's
    features=dict(type='ClipValues'),
    band=dict(low=0.2, high=0.6, max_distance=40),
    dtype='float16',
)
