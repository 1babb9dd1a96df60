# Trained on the embedded models' own label maps, tested on rendered scenes of one or two objects that they have not
# seen.
train_root = 'work_dirs/embedded_multiclass/synthetic'
test_root = 'work_dirs/embedded_multiclass/scenes'
num_classes = 11

load_labels = dict(type='LoadLabels', num_classes=num_classes)
train_pipeline = [
    dict(type='LoadImageFromFile'),
    load_labels,
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackSegInputs'),
]
test_pipeline = [dict(type='LoadImageFromFile'), load_labels, dict(type='PackSegInputs')]
tta_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(
        type='TestTimeAug',
        transforms=[
            [dict(type='RandomFlip', prob=0.0), dict(type='RandomFlip', prob=1.0)],
            [load_labels],
            [dict(type='PackSegInputs')],
        ],
    ),
]
# No worker processes: the images are small, and two cores are busy with the model.
train_dataloader = dict(
    batch_size=16,
    num_workers=0,
    persistent_workers=False,
    sampler=dict(type='InfiniteSampler', shuffle=True),
    dataset=dict(type='SyntheticDataset', data_root=train_root, pipeline=train_pipeline),
)
test_dataloader = dict(
    batch_size=20,
    num_workers=0,
    persistent_workers=False,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(type='LabelledScenesDataset', data_root=test_root, pipeline=test_pipeline),
)
val_dataloader = None
val_evaluator = None
test_evaluator = dict(type='IoUMetric', iou_metrics=['mIoU'])
data_hint = {
    test_root: f"Write it in Python: mmseg_gen.datasets.labelled_scenes.write_labelled_scenes('{test_root}', 200)."
}
