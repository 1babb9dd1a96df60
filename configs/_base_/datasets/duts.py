# DUTS: trained on DUTS-TR (10 553 photographs), tested on DUTS-TE.
_base_ = ['./duts_test.py']
data_root = 'data/DUTS'

train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadBinaryMask'),
    dict(type='Resize', scale={{_base_.image_size}}, keep_ratio=False),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackSegInputs'),
]
train_dataloader = dict(
    batch_size=10,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='InfiniteSampler', shuffle=True),
    dataset=dict(type='DUTSDataset', data_root=data_root, split='train', pipeline=train_pipeline),
)
data_hint = {data_root: 'Unpack DUTS-TR and DUTS-TE there, see docs/datasets/duts.md.'}
