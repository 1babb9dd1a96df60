# MMSeg's U-Net, a quarter as wide, on cats of the embedded StyleGAN2, labelled by style mixing.
#   python tools/synthesize.py configs/embedded_stylemix.py
#   python tools/train.py configs/embedded_stylemix.py      # tools/test.py says how to write its test photos
_base_ = [
    '_base_/generators/embedded_stylegan2.py',
    '_base_/datasets/cat_photos.py',
    '_base_/models/embedded_unet.py',
    '_base_/schedules/adam_1k.py',
    '_base_/default_runtime.py',
]
env_cfg = dict(dist_cfg=dict(backend='gloo'))
