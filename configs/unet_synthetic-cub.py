# MMSeg's U-Net trained on synthetic labels, tested on CUB-200-2011's test images.
#   python tools/synthesize.py configs/unet_synthetic-cub.py
#   python tools/train.py configs/unet_synthetic-cub.py
_base_ = [
    '_base_/generators/stable_diffusion_v1_4_birds.py',
    '_base_/datasets/synthetic_cub.py',
    '_base_/models/unet.py',
    '_base_/schedules/adam_5k.py',
    '_base_/default_runtime.py',
]
