# Trained on the label maps that tools/synthesize.py writes for COCO's classes, tested on COCO val2017.
_base_ = ['./coco_object.py']
train_root = 'data/synthetic/coco'
num_classes = 81
crop_size = (512, 512)

train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadLabels', num_classes=num_classes),
    dict(type='RandomResize', scale=crop_size, ratio_range=(0.5, 2.0), keep_ratio=True),
    dict(type='RandomCrop', crop_size=crop_size, cat_max_ratio=0.75),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PhotoMetricDistortion'),
    dict(type='PackSegInputs'),
]
train_dataloader = dict(
    _delete_=True,
    batch_size=8,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='InfiniteSampler', shuffle=True),
    dataset=dict(type='SyntheticDataset', data_root=train_root, pipeline=train_pipeline),
)
# Nothing is selected on real masks.
val_dataloader = None
val_evaluator = None
