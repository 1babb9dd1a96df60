# The model of diffusionseg_duts.py judged on 1 000 birds of CUB-200-2011: DiffusionSeg, Tab. 1c.
#   python tools/test.py configs/diffusionseg_cub.py work_dirs/diffusionseg_duts
_base_ = [
    '_base_/generators/stable_diffusion_v1_4.py',
    '_base_/datasets/synthetic_imagenet.py',
    '_base_/datasets/cub_test.py',
    '_base_/models/diffusion_fcn.py',
    '_base_/schedules/adam_5k.py',
    '_base_/default_runtime.py',
]
