# Trained on faces labelled by style mixing, tested on the test faces of CelebAMask-HQ (style mixing, Tab. 3).
_base_ = ['./celebamask_hq_head.py']
image_size = (512, 512)

train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadBinaryMask'),
    dict(type='Resize', scale=image_size, keep_ratio=False),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackSegInputs'),
]
train_dataloader = dict(
    _delete_=True,
    batch_size=10,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='InfiniteSampler', shuffle=True),
    dataset=dict(type='SyntheticDataset', data_root='data/synthetic/stylemix_ffhq', pipeline=train_pipeline),
)
