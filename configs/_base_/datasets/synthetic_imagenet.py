# Training on the set that tools/synthesize.py writes for DiffusionSeg; a config names a set to test on beside this one.
train_root = 'data/synthetic/diffusionseg_imagenet'

train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadBinaryMask'),
    dict(type='Resize', scale=(512, 512), keep_ratio=False),  # paper, section 4.1
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackSegInputs'),
]
train_dataloader = dict(
    batch_size=10,  # paper, section 4.1
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='InfiniteSampler', shuffle=True),
    dataset=dict(type='SyntheticDataset', data_root=train_root, pipeline=train_pipeline),
)
