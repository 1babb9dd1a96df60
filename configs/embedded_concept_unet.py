# MMSeg's U-Net, a quarter as wide, for configs/embedded_fobadiffusion.py, which sets what it is trained on.
_base_ = ['_base_/models/embedded_unet.py', '_base_/schedules/adam_1k.py', '_base_/default_runtime.py']
train_dataloader = dict(
    batch_size=16,
    num_workers=0,
    persistent_workers=False,
    sampler=dict(type='InfiniteSampler', shuffle=True),
    dataset=dict(
        pipeline=[
            dict(type='LoadImageFromFile'),
            dict(type='LoadBinaryMask', threshold=1),
            dict(type='RandomResize', scale=(64, 64), ratio_range=(0.7, 1.4), keep_ratio=True),
            dict(type='RandomCrop', crop_size=(64, 64)),
            dict(type='RandomFlip', prob=0.5),
            dict(type='PhotoMetricDistortion'),
            dict(type='PackSegInputs'),
        ]
    ),
)
test_pipeline = [dict(type='LoadImageFromFile'), dict(type='PackSegInputs')]
# Twice the learning rate of the base, as in the authors' code.
optim_wrapper = dict(optimizer=dict(lr=2e-3))
train_cfg = dict(max_iters=800, val_interval=800)
param_scheduler = [dict(type='PolyLR', eta_min=1e-5, power=0.9, begin=0, end=800, by_epoch=False)]
test_cfg = None
env_cfg = dict(dist_cfg=dict(backend='gloo'))
