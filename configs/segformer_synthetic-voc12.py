# SegFormer-B0 trained on synthetic label maps, tested on VOC 2012 val.
#   python tools/synthesize.py configs/segformer_synthetic-voc12.py
#   python tools/train.py configs/segformer_synthetic-voc12.py
_base_ = [
    '_base_/generators/stable_diffusion_v1_4_voc.py',
    '_base_/datasets/synthetic_voc12.py',
    '_base_/models/segformer.py',
    '_base_/schedules/adamw_20k.py',
    '_base_/default_runtime.py',
]
model = dict(decode_head=dict(num_classes={{_base_.num_classes}}, out_channels={{_base_.num_classes}}))
