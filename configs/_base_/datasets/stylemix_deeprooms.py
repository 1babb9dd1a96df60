# Trained on label maps of living rooms by style mixing, tested on a folder of one's own rooms and label maps.
num_classes = 6
image_size = (512, 512)
test_root = 'data/deeprooms'

train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadLabels', num_classes=num_classes),
    dict(type='Resize', scale=image_size, keep_ratio=False),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackSegInputs'),
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=image_size, keep_ratio=False),
    dict(type='LoadLabels', num_classes=num_classes),  # after Resize: the ground truth keeps its own size
    dict(type='PackSegInputs'),
]
train_dataloader = dict(
    batch_size=10,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='InfiniteSampler', shuffle=True),
    dataset=dict(type='SyntheticDataset', data_root='data/synthetic/stylemix_deeprooms', pipeline=train_pipeline),
)
test_dataloader = dict(
    batch_size=1,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='FolderDataset',
        data_root=test_root,
        data_prefix=dict(img_path='test/images', seg_map_path='test/masks'),
        classes=['background', 'sofa', 'coffee table', 'lamp', 'side table', 'rug'],
        pipeline=test_pipeline,
    ),
)
val_dataloader = None
val_evaluator = None
test_evaluator = [dict(type='ClassIoUMetric'), dict(type='TrimapIoUMetric', widths=[3])]
data_hint = {test_root: 'Put test/images and test/masks there, label maps of 0 to 5, see docs/datasets/folder.md.'}
