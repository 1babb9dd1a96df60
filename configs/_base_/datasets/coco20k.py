# COCO20k: tested on its boxes, trained, where it is, on the label maps of tools/dataset_converters/coco_object.py.
_base_ = ['./coco20k_boxes.py']
crop_size = (512, 512)

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
train_dataloader = dict(
    batch_size=4,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='InfiniteSampler', shuffle=True),
    dataset=dict(
        type='COCO20kDataset',
        data_root={{_base_.data_root}},
        ann_file={{_base_.list_file}},
        boxes_file={{_base_.boxes_file}},
        with_masks=True,
        pipeline=train_pipeline,
    ),
)
