# MMSeg's U-Net trained on synthetic label maps, tested on COCO val2017.
#   python tools/synthesize.py configs/unet_synthetic-coco.py
#   python tools/train.py configs/unet_synthetic-coco.py
_base_ = [
    '_base_/generators/stable_diffusion_v1_4_coco.py',
    '_base_/datasets/synthetic_coco.py',
    '_base_/models/unet.py',
    '_base_/schedules/adam_20k.py',
    '_base_/default_runtime.py',
]
model = dict(decode_head=dict(num_classes={{_base_.num_classes}}, out_channels={{_base_.num_classes}}))
