# DeepLabV3 on faces of FFHQ's generator, labelled by style mixing; tested on CelebAMask-HQ (style mixing, Tab. 3).
#   python tools/synthesize.py configs/stylemix_ffhq_deeplabv3.py
#   python tools/train.py configs/stylemix_ffhq_deeplabv3.py
_base_ = [
    '_base_/generators/stylegan2_ffhq.py',
    '_base_/datasets/stylemix_celebamask_hq.py',
    '_base_/models/deeplabv3.py',
    '_base_/schedules/adam_40k.py',
    '_base_/default_runtime.py',
]
