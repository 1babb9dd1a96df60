# DiffusionSeg (arXiv 2303.09813), the paper's settings: Stable Diffusion 1.4 paints 50 000 ImageNet images at
# 512 px, AttentionCut masks them, a three-layer FCN over the frozen model's features learns from them,
# DUTS-TE judges it.   python tools/synthesize.py configs/diffusionseg_duts.py && python tools/train.py
# configs/diffusionseg_duts.py
_base_ = [
    '_base_/generators/stable_diffusion_v1_4.py',
    '_base_/datasets/synthetic_duts.py',
    '_base_/models/diffusion_fcn.py',
    '_base_/schedules/adam_5k.py',
    '_base_/default_runtime.py',
]
