# MMSeg's DeepLabV3, ResNet-18 at a quarter of its width, on the synthetic set of embedded_diffusionseg.py, same test.
_base_ = [
    '_base_/generators/embedded.py',
    '_base_/datasets/synthetic_scenes.py',
    '_base_/models/embedded_deeplabv3.py',
    '_base_/schedules/adam_1k.py',
    '_base_/default_runtime.py',
]
env_cfg = dict(dist_cfg=dict(backend='gloo'))
