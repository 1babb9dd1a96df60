# Frozen Stable Diffusion features under a three-layer FCN: paper, sections 3.3 and 4.1.
data_preprocessor = dict(
    type='SegDataPreProcessor',
    mean=[127.5, 127.5, 127.5],  # the generator's range [-1, 1]
    std=[127.5, 127.5, 127.5],
    bgr_to_rgb=True,
    pad_val=0,
    seg_pad_val=255,
    size=(512, 512),
    test_cfg=dict(size_divisor=1),  # no padding: the backbone takes any size
)
model = dict(
    type='EncoderDecoder',
    data_preprocessor=data_preprocessor,
    backbone=dict(
        type='DiffusionBackbone',
        generator='CompVis/stable-diffusion-v1-4',
        clip='openai/clip-vit-large-patch14',  # the CLIP whose text encoder Stable Diffusion 1.x uses
        steps=40,  # T
        passes='reverse',  # "features can be extracted during each reverse step"
        blocks='encoder',  # L = 6 at 64, 32 and 16, two of each
        prior=dict(classes='imagenet'),  # the CLIP-classifiable prior
    ),
    decode_head=dict(
        type='DiffusionFCNHead',
        in_channels=[320, 320, 640, 640, 1280, 1280],  # Stable Diffusion 1.x
        widths=(256, 64),  # ours: the paper gives none
        num_classes=2,
        norm_cfg=dict(type='SyncBN', requires_grad=True),
        loss_decode=dict(type='CrossEntropyLoss', use_sigmoid=False, avg_non_ignore=True),
    ),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'),
)
