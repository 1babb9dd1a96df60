# COCO20k: 19 817 images of COCO train2014, each with the boxes of its objects, for object discovery (LOST's protocol).
# Trained, where it is, on the label maps of tools/dataset_converters/coco_object.py.
data_root = 'data/coco'
list_file = 'annotations/coco_20k_filenames.txt'
boxes_file = 'annotations/instances_train2014_sel20k.json'  # of tools/dataset_converters/coco20k.py
crop_size = (512, 512)

box_keys = ('boxes', 'box_labels', 'box_difficult')
meta_keys = (
    *('img_path', 'seg_map_path', 'ori_shape', 'img_shape', 'pad_shape'),
    *('scale_factor', 'flip', 'flip_direction', 'reduce_zero_label'),
    *box_keys,
)
train_pipeline = [
    dict(type='LoadImageFromFile'),
    # Some images show nothing but a crowd, 255.
    dict(type='LoadLabels', num_classes=81, allow_void_only=True),
    dict(type='RandomResize', scale=(2048, 512), ratio_range=(0.5, 2.0), keep_ratio=True),
    dict(type='RandomCrop', crop_size=crop_size, cat_max_ratio=0.75),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PhotoMetricDistortion'),
    dict(type='PackSegInputs'),
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=(2048, 512), keep_ratio=True),
    dict(type='PackSegInputs', meta_keys=meta_keys),
]
train_dataloader = dict(
    batch_size=4,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='InfiniteSampler', shuffle=True),
    dataset=dict(
        type='COCO20kDataset',
        data_root=data_root,
        ann_file=list_file,
        boxes_file=boxes_file,
        with_masks=True,
        pipeline=train_pipeline,
    ),
)
test_dataloader = dict(
    batch_size=1,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='COCO20kDataset',
        data_root=data_root,
        ann_file=list_file,
        boxes_file=boxes_file,
        pipeline=test_pipeline,
    ),
)
test_evaluator = dict(type='LocalizationMetric')
data_hint = {
    data_root: 'Unpack train2014.zip and annotations_trainval2014.zip there and run '
    'tools/dataset_converters/coco20k.py, see docs/datasets/coco20k.md.'
}
