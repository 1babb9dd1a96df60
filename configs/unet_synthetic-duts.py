# MMSeg's U-Net on the synthetic set of diffusionseg_duts.py, same test: what the pairs are worth without the
# features.
_base_ = [
    '_base_/generators/stable_diffusion_v1_4.py',
    '_base_/datasets/synthetic_duts.py',
    '_base_/models/unet.py',
    '_base_/schedules/adam_5k.py',
    '_base_/default_runtime.py',
]
