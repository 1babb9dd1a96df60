# SegFormer-B0 trained on synthetic labels, tested on DUTS-TE.
#   python tools/synthesize.py configs/segformer_synthetic-duts.py
#   python tools/train.py configs/segformer_synthetic-duts.py
_base_ = [
    '_base_/generators/stable_diffusion_v1_4.py',
    '_base_/datasets/synthetic_duts.py',
    '_base_/models/segformer.py',
    '_base_/schedules/adamw_20k.py',
    '_base_/default_runtime.py',
]
