# As embedded_multiclass.py, with diffusion features and DiffusionSeg's decoder in place of the U-Net: a few hundred
# paintings are too few for a network that starts from random weights to tell ten classes apart.
#   python tools/synthesize.py configs/embedded_multiclass.py
#   python tools/train.py configs/embedded_diffusionseg_multiclass.py
_base_ = [
    '_base_/generators/embedded_multiclass.py',
    '_base_/datasets/labelled_scenes.py',
    '_base_/models/embedded_diffusion_fcn.py',
    '_base_/schedules/adam_1k.py',
    '_base_/default_runtime.py',
]
model = dict(decode_head=dict(num_classes={{_base_.num_classes}}))
env_cfg = dict(dist_cfg=dict(backend='gloo'))
