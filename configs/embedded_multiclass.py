# Semantic segmentation of ten classes without a label by hand: the embedded models paint scenes of one or two objects
# and label them, MMSeg's U-Net learns from them, rendered scenes judge it.
#   python tools/synthesize.py configs/embedded_multiclass.py && python tools/train.py configs/embedded_multiclass.py
_base_ = [
    '_base_/generators/embedded_multiclass.py',
    '_base_/datasets/labelled_scenes.py',
    '_base_/models/embedded_unet.py',
    '_base_/schedules/adam_1k.py',
    '_base_/default_runtime.py',
]
model = dict(decode_head=dict(num_classes={{_base_.num_classes}}, out_channels={{_base_.num_classes}}))
env_cfg = dict(dist_cfg=dict(backend='gloo'))
