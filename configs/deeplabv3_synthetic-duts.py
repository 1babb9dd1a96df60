# DeepLabV3 trained on synthetic labels, tested on DUTS-TE.
#   python tools/synthesize.py configs/deeplabv3_synthetic-duts.py
#   python tools/train.py configs/deeplabv3_synthetic-duts.py
_base_ = [
    '_base_/generators/stable_diffusion_v1_4.py',
    '_base_/datasets/synthetic_duts.py',
    '_base_/models/deeplabv3.py',
    '_base_/schedules/adam_5k.py',
    '_base_/default_runtime.py',
]
