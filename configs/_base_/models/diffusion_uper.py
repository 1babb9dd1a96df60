# Frozen Stable Diffusion features under UPerNet's head: one map of each level, 64, 32 and 16 at 512 px.
_base_ = ['./diffusion_fcn.py']
norm_cfg = dict(type='SyncBN', requires_grad=True)
model = dict(
    decode_head=dict(
        _delete_=True,
        type='UPerHead',
        # The second of each level; the backbone's maps come the finest first.
        in_channels=[320, 640, 1280],
        in_index=[1, 3, 5],
        pool_scales=(1, 2, 3, 6),
        channels=256,
        dropout_ratio=0.1,
        num_classes=2,
        out_channels=2,
        norm_cfg=norm_cfg,
        align_corners=False,
        loss_decode=dict(type='CrossEntropyLoss', use_sigmoid=False, avg_non_ignore=True),
    ),
)
