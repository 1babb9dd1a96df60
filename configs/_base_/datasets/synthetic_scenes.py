# Trained on the embedded models' own images, tested on rendered scenes that they have not seen, in DUTS
# layout.
train_root = 'work_dirs/quickstart/synthetic'
test_root = 'work_dirs/quickstart/scenes'

train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadBinaryMask'),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackSegInputs'),
]
test_pipeline = [dict(type='LoadImageFromFile'), dict(type='LoadBinaryMask'), dict(type='PackSegInputs')]
tta_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(
        type='TestTimeAug',
        transforms=[
            [dict(type='RandomFlip', prob=0.0), dict(type='RandomFlip', prob=1.0)],
            [dict(type='LoadBinaryMask')],
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
    dataset=dict(type='DUTSDataset', data_root=test_root, split='test', img_suffix='.png', pipeline=test_pipeline),
)
val_dataloader = None
val_evaluator = None
test_evaluator = dict(type='SaliencyMetric')
data_hint = {
    test_root: 'Write it with `make quickstart`, or in Python: '
    f"mmseg_gen.datasets.scenes.write_duts_scenes('{test_root}', 200)."
}
