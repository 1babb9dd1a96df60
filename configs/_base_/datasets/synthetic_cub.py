# Trained on the birds that tools/synthesize.py paints, tested on CUB-200-2011: 5794 photographs, or with
# split='redo_test' the 1000 of the literature on unsupervised segmentation.
_base_ = ['./cub_test.py']
train_root = 'data/synthetic/birds'
image_size = {{_base_.image_size}}

train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadBinaryMask'),
    dict(type='RandomResize', scale=image_size, ratio_range=(0.5, 2.0), keep_ratio=True),
    dict(type='RandomCrop', crop_size=image_size),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PhotoMetricDistortion'),
    dict(type='PackSegInputs'),
]
train_dataloader = dict(
    batch_size=8,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='InfiniteSampler', shuffle=True),
    dataset=dict(type='SyntheticDataset', data_root=train_root, pipeline=train_pipeline),
)
test_dataloader = dict(dataset=dict(split='test'))
