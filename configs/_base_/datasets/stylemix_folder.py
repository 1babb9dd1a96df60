# Trained on what tools/synthesize.py writes by style mixing, tested on a folder of one's own images and masks.
_base_ = ['./folder.py']
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
    dataset=dict(type='SyntheticDataset', data_root='data/synthetic/stylemix', pipeline=train_pipeline),
)
test_evaluator = [dict(type='BinaryIoUMetric'), dict(type='TrimapIoUMetric', widths=[3])]
