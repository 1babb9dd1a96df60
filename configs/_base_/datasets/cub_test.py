# CUB-200-2011: masks and boxes of the 1 000 test images of ReDO.
data_root = 'data/CUB_200_2011'
image_size = (512, 512)

meta_keys = (
    *('img_path', 'seg_map_path', 'ori_shape', 'img_shape', 'pad_shape'),
    *('scale_factor', 'flip', 'flip_direction', 'reduce_zero_label'),
    *('boxes', 'box_labels'),
)
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=image_size, keep_ratio=False),
    dict(type='LoadBinaryMask'),  # after Resize: the ground truth keeps its own size
    dict(type='PackSegInputs', meta_keys=meta_keys),
]
tta_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(
        type='TestTimeAug',
        transforms=[
            [dict(type='Resize', scale=image_size, keep_ratio=False)],
            [dict(type='RandomFlip', prob=0.0), dict(type='RandomFlip', prob=1.0)],
            [dict(type='LoadBinaryMask')],
            [dict(type='PackSegInputs', meta_keys=meta_keys)],
        ],
    ),
]
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
data_hint = {data_root: 'Unpack CUB_200_2011.tgz there, and segmentations.tgz inside it, see docs/datasets/cub.md.'}
