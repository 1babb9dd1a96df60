# MMSeg's U-Net trained on synthetic label maps, tested on VOC 2012 val.
#   python tools/synthesize.py configs/unet_synthetic-voc12.py
#   python tools/train.py configs/unet_synthetic-voc12.py
_base_ = [
    '_base_/generators/stable_diffusion_v1_4_voc.py',
    '_base_/datasets/synthetic_voc12.py',
    '_base_/models/unet.py',
    '_base_/schedules/adam_20k.py',
    '_base_/default_runtime.py',
]
model = dict(decode_head=dict(num_classes={{_base_.num_classes}}, out_channels={{_base_.num_classes}}))
