# Frozen Stable Diffusion features under SegFormer's head, which takes any number of maps of any size.
_base_ = ['./diffusion_fcn.py']
norm_cfg = dict(type='SyncBN', requires_grad=True)
model = dict(
    decode_head=dict(
        _delete_=True,
        type='SegformerHead',
        in_channels=[320, 320, 640, 640, 1280, 1280],
        in_index=[0, 1, 2, 3, 4, 5],
        channels=256,
        dropout_ratio=0.1,
        num_classes=2,
        out_channels=2,
        norm_cfg=norm_cfg,
        align_corners=False,
        loss_decode=dict(type='CrossEntropyLoss', use_sigmoid=False, avg_non_ignore=True),
    ),
)
