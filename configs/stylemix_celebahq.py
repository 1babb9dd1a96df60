# U-Net on photographs of CelebA-HQ, labelled by style mixing in FFHQ's generator; tested on CelebAMask-HQ.
#   python tools/synthesize.py configs/stylemix_celebahq.py
#   python tools/train.py configs/stylemix_celebahq.py
_base_ = [
    '_base_/generators/stylegan2_celebahq.py',
    '_base_/datasets/stylemix_celebamask_hq.py',
    '_base_/models/unet.py',
    '_base_/schedules/adam_40k.py',
    '_base_/default_runtime.py',
]
train_dataloader = dict(dataset=dict(data_root='data/synthetic/stylemix_celebahq'))
