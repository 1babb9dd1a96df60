# Stanford Dogs: boxes of 8 580 test images, no masks.
data_root = 'data/stanford_dogs'
image_size = (512, 512)

meta_keys = (
    *('img_path', 'seg_map_path', 'ori_shape', 'img_shape', 'pad_shape'),
    *('scale_factor', 'flip', 'flip_direction', 'reduce_zero_label'),
    *('boxes', 'box_labels'),
)
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=image_size, keep_ratio=False),
    dict(type='PackSegInputs', meta_keys=meta_keys),
]
test_dataloader = dict(
    batch_size=1,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(type='StanfordDogsDataset', data_root=data_root, split='test', pipeline=test_pipeline),
)
val_dataloader = None
val_evaluator = None
test_evaluator = dict(type='LocalizationMetric')
data_hint = {data_root: 'Unpack images.tar, annotation.tar and lists.tar there, see docs/datasets/stanford_dogs.md.'}
