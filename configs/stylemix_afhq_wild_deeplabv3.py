# DeepLabV3 on wild animals of AFHQ's generator, labelled by style mixing; tested on a folder of images and masks.
#   python tools/synthesize.py configs/stylemix_afhq_wild_deeplabv3.py
#   python tools/train.py configs/stylemix_afhq_wild_deeplabv3.py
_base_ = [
    '_base_/generators/stylegan2_afhq_wild.py',
    '_base_/datasets/stylemix_folder.py',
    '_base_/models/deeplabv3.py',
    '_base_/schedules/adam_40k.py',
    '_base_/default_runtime.py',
]
train_dataloader = dict(dataset=dict(data_root='data/synthetic/stylemix_afhq_wild'))
test_dataloader = dict(dataset=dict(data_root='data/afhq_wild'))
data_hint = {'data/afhq_wild': 'Put test/images and test/masks there, see docs/datasets/folder.md.'}
