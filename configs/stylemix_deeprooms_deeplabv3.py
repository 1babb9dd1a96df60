# DeepLabV3 on label maps of living rooms by style mixing; tested on a folder of rooms.
#   python tools/synthesize.py configs/stylemix_deeprooms_deeplabv3.py
#   python tools/train.py configs/stylemix_deeprooms_deeplabv3.py
_base_ = [
    '_base_/generators/stylegan2_deeprooms.py',
    '_base_/datasets/stylemix_deeprooms.py',
    '_base_/models/deeplabv3.py',
    '_base_/schedules/adam_40k.py',
    '_base_/default_runtime.py',
]
model = dict(decode_head=dict(num_classes={{_base_.num_classes}}, out_channels={{_base_.num_classes}}))
