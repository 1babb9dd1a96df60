# Crops of people from Human3.6M, in the form that docs/datasets/human36m.md describes.
data_root = 'data/human36m'
image_size = (256, 256)  # fobadiffusion, section 4

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
    dataset=dict(type='Human36MDataset', data_root=data_root, split='train', boxes_file=None, pipeline=train_pipeline),
)
test_dataloader = dict(
    batch_size=1,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(type='Human36MDataset', data_root=data_root, split='test', pipeline=test_pipeline),
)
val_dataloader = None
val_evaluator = None
test_evaluator = [dict(type='SaliencyMetric'), dict(type='LocalizationMetric')]
data_hint = {data_root: 'Put images, masks and boxes.csv there, see docs/datasets/human36m.md.'}
