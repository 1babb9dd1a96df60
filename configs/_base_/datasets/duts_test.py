# DUTS-TE: 5 019 photographs.
data_root = 'data/DUTS'
image_size = (512, 512)  # DiffusionSeg, section 4.1

test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=image_size, keep_ratio=False),
    dict(type='LoadBinaryMask'),  # after Resize: the ground truth keeps its own size
    dict(type='PackSegInputs'),
]
tta_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(
        type='TestTimeAug',
        transforms=[
            [dict(type='Resize', scale=image_size, keep_ratio=False)],
            [dict(type='RandomFlip', prob=0.0), dict(type='RandomFlip', prob=1.0)],
            [dict(type='LoadBinaryMask')],
            [dict(type='PackSegInputs')],
        ],
    ),
]
test_dataloader = dict(
    batch_size=1,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(type='DUTSDataset', data_root=data_root, split='test', pipeline=test_pipeline),
)
val_dataloader = None
val_evaluator = None
test_evaluator = dict(type='SaliencyMetric')
data_hint = {data_root: 'Unpack DUTS-TE there, see docs/datasets/duts.md.'}
