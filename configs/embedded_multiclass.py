# Semantic segmentation of ten classes without a label by hand: the embedded models paint scenes of one or two objects
# and label them, MMSeg's U-Net learns from them, rendered scenes judge it.
#   python tools/synthesize.py configs/embedded_multiclass.py && python tools/train.py configs/embedded_multiclass.py
_base_ = [
    '_base_/generators/embedded_multiclass.py',
    '_base_/datasets/labelled_scenes.py',
    '_base_/models/unet.py',
    '_base_/schedules/adam_1k.py',
    '_base_/default_runtime.py',
]
norm_cfg = dict(type='BN', requires_grad=True)
data_preprocessor = dict(size=(64, 64))
model = dict(
    data_preprocessor=data_preprocessor,
    backbone=dict(base_channels=16, norm_cfg=norm_cfg),
    decode_head=dict(
        in_channels=16,
        channels=16,
        num_classes={{_base_.num_classes}},
        out_channels={{_base_.num_classes}},
        norm_cfg=norm_cfg,
    ),
)
env_cfg = dict(dist_cfg=dict(backend='gloo'))
