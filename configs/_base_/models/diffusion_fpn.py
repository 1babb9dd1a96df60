# Frozen Stable Diffusion features under a feature pyramid (mmseg::_base_/models/fpn_r50.py's neck and head).
_base_ = ['./diffusion_fcn.py']
norm_cfg = dict(type='SyncBN', requires_grad=True)
model = dict(
    # The last block of each level: the pyramid takes each map for a coarser one.
    backbone=dict(blocks=[1, 3, 5]),
    neck=dict(type='FPN', in_channels=[320, 640, 1280], out_channels=256, num_outs=3),
    decode_head=dict(
        _delete_=True,
        type='FPNHead',
        in_channels=[256, 256, 256],
        in_index=[0, 1, 2],
        feature_strides=[8, 16, 32],
        channels=128,
        dropout_ratio=0.1,
        num_classes=2,
        out_channels=2,
        norm_cfg=norm_cfg,
        align_corners=False,
        loss_decode=dict(type='CrossEntropyLoss', use_sigmoid=False, avg_non_ignore=True),
    ),
)
