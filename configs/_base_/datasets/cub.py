# CUB-200-2011: trained on the birds of ReDO's training split, tested on its 1 000 test images.
data_root = 'data/CUB_200_2011'
image_size = (512, 512)

meta_keys = (
    *('img_path', 'seg_map_path', 'ori_shape', 'img_shape', 'pad_shape'),
    *('scale_factor', 'flip', 'flip_direction', 'reduce_zero_label'),
    *('boxes', 'box_labels'),
)
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
    dict(type='PackSegInputs', meta_keys=meta_keys),
]
train_dataloader = dict(
    batch_size=10,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='InfiniteSampler', shuffle=True),
    dataset=dict(type='CUBDataset', data_root=data_root, split='redo_train', pipeline=train_pipeline),
)
test_dataloader = dict(
    batch_size=1,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(type='CUBDataset', data_root=data_root, split='redo_test', pipeline=test_pipeline),
)
val_dataloader = None
val_evaluator = None
test_evaluator = [dict(type='SaliencyMetric'), dict(type='LocalizationMetric')]
data_hint = {data_root: 'Unpack CUB_200_2011.tgz there, see docs/datasets/cub.md.'}
