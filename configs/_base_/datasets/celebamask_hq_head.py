# CelebAMask-HQ as head and background; trained on its training faces, tested on its test faces.
data_root = 'data/CelebAMask-HQ'
image_size = (512, 512)

train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadLabels', num_classes=19),
    dict(type='Resize', scale=image_size, keep_ratio=False),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackSegInputs'),
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=image_size, keep_ratio=False),
    dict(type='LoadLabels', num_classes=19),  # after Resize: the ground truth keeps its own size
    dict(type='PackSegInputs'),
]
train_dataloader = dict(
    batch_size=10,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='InfiniteSampler', shuffle=True),
    dataset=dict(type='CelebAMaskHQHeadDataset', data_root=data_root, split='train', pipeline=train_pipeline),
)
test_dataloader = dict(
    batch_size=1,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(type='CelebAMaskHQHeadDataset', data_root=data_root, split='test', pipeline=test_pipeline),
)
val_dataloader = None
val_evaluator = None
test_evaluator = [
    dict(type='BinaryIoUMetric'),
    dict(type='TrimapIoUMetric', widths=[3]),
]  # width: style mixing, section 4.4
data_hint = {data_root: 'Unpack and convert CelebAMask-HQ, see docs/datasets/celebamask_hq.md.'}
