# The model of diffusionseg_duts.py finds one object an image of VOC 2007 trainval: DiffusionSeg, Tab. 1b.
#   python tools/test.py configs/diffusionseg_voc07.py work_dirs/diffusionseg_duts
_base_ = [
    '_base_/generators/stable_diffusion_v1_4.py',
    '_base_/datasets/synthetic_imagenet.py',
    '_base_/datasets/voc07_boxes.py',
    '_base_/models/diffusion_fcn.py',
    '_base_/schedules/adam_5k.py',
    '_base_/default_runtime.py',
]
