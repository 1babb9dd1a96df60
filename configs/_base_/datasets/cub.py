# CUB-200-2011: trained on the birds of ReDO's training split, tested on its 1 000 test images.
_base_ = ['./cub_test.py']

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
    dataset=dict(type='CUBDataset', data_root={{_base_.data_root}}, split='redo_train', pipeline=train_pipeline),
)
