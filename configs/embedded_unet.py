# MMSeg's U-Net, a quarter as wide, on the synthetic set of embedded_diffusionseg.py, same test.
_base_ = [
    '_base_/generators/embedded.py',
    '_base_/datasets/synthetic_scenes.py',
    '_base_/models/embedded_unet.py',
    '_base_/schedules/adam_700.py',
    '_base_/default_runtime.py',
]
env_cfg = dict(dist_cfg=dict(backend='gloo'))
# The painted objects differ from the test scenes in size and colour more than the U-Net, unlike the frozen features,
# can bridge by itself.
train_dataloader = dict(
    dataset=dict(
        pipeline=[
            dict(type='LoadImageFromFile'),
            dict(type='LoadBinaryMask'),
            dict(type='RandomResize', scale=(64, 64), ratio_range=(0.7, 1.4), keep_ratio=True),
            dict(type='RandomCrop', crop_size=(64, 64)),
            dict(type='RandomFlip', prob=0.5),
            dict(type='PhotoMetricDistortion'),
            dict(type='PackSegInputs'),
        ]
    )
)
