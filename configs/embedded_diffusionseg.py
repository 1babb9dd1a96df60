# DiffusionSeg end to end on the models that ship with the package: no downloads, no GPU, minutes on two
# cores.
_base_ = [
    '_base_/generators/embedded.py',
    '_base_/datasets/synthetic_scenes.py',
    '_base_/models/embedded_diffusion_fcn.py',
    '_base_/schedules/adam_700.py',
    '_base_/default_runtime.py',
]
env_cfg = dict(dist_cfg=dict(backend='gloo'))
