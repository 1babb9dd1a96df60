# DeepLabV3 on horses of LSUN's generator, labelled by style mixing; tested on a folder of images and masks.
#   python tools/synthesize.py configs/stylemix_lsun_horse_deeplabv3.py
#   python tools/train.py configs/stylemix_lsun_horse_deeplabv3.py
_base_ = [
    '_base_/generators/stylegan2_lsun_horse.py',
    '_base_/datasets/stylemix_folder.py',
    '_base_/models/deeplabv3.py',
    '_base_/schedules/adam_40k.py',
    '_base_/default_runtime.py',
]
train_dataloader = dict(dataset=dict(data_root='data/synthetic/stylemix_lsun_horse'))
test_dataloader = dict(dataset=dict(data_root='data/lsun_horse'))
data_hint = {'data/lsun_horse': 'Put test/images and test/masks there, see docs/datasets/folder.md.'}
