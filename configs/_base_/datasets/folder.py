# A folder of one's own: images and masks of 0 and 255; docs/datasets/folder.md has the other cases.
data_root = 'data/folder'
image_size = (512, 512)
train_prefix = dict(img_path='train/images', seg_map_path='train/masks')
test_prefix = dict(img_path='test/images', seg_map_path='test/masks')

train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadBinaryMask'),
    dict(type='Resize', scale=image_size, keep_ratio=False),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackSegInputs'),
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=image_size, keep_ratio=False),
    dict(type='LoadBinaryMask'),  # after Resize: the ground truth keeps its own size
    dict(type='PackSegInputs'),
]
train_dataloader = dict(
    batch_size=10,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='InfiniteSampler', shuffle=True),
    dataset=dict(type='FolderDataset', data_root=data_root, data_prefix=train_prefix, pipeline=train_pipeline),
)
test_dataloader = dict(
    batch_size=1,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(type='FolderDataset', data_root=data_root, data_prefix=test_prefix, pipeline=test_pipeline),
)
val_dataloader = None
val_evaluator = None
test_evaluator = dict(type='SaliencyMetric')
data_hint = {data_root: 'Put train and test there, each with images and masks, see docs/datasets/folder.md.'}
