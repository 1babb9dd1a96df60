# AttentionCut on a frozen Stable Diffusion, nothing trained: paper, sections 3.2 and 4.1.
data_preprocessor = dict(
    type='SegDataPreProcessor',
    mean=[127.5, 127.5, 127.5],  # the generator's range [-1, 1]
    std=[127.5, 127.5, 127.5],
    bgr_to_rgb=True,
    pad_val=0,
    seg_pad_val=255,
    size=(512, 512),
    test_cfg=dict(size_divisor=1),  # no padding: the model takes any size
)
model = dict(
    type='AttentionCutSegmentor',
    data_preprocessor=data_preprocessor,
    generator='CompVis/stable-diffusion-v1-4',
    clip='openai/clip-vit-large-patch14',  # the CLIP whose text encoder Stable Diffusion 1.x uses
    steps=40,  # T
    prior=dict(classes='imagenet'),  # the CLIP-classifiable prior
    cut=dict(lambda_phi=0.16, lambda_psi=2.5, lam=0.1),
)
# The usual wrapper for several processes refuses models without parameters.
model_wrapper_cfg = dict(type='MMSeparateDistributedDataParallel')
