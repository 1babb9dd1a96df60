# Trained on the set that tools/synthesize.py writes, tested on DUTS-TE (5019 photographs).
train_root = 'data/synthetic/diffusionseg_imagenet'
test_root = 'data/DUTS'
image_size = (512, 512)  # paper, section 4.1

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
    dict(type='LoadBinaryMask'),  # after Resize: the masks keep their own size
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
train_dataloader = dict(
    batch_size=10,  # paper, section 4.1
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='InfiniteSampler', shuffle=True),
    dataset=dict(type='SyntheticDataset', data_root=train_root, pipeline=train_pipeline),
)
test_dataloader = dict(
    batch_size=1,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(type='DUTSDataset', data_root=test_root, split='test', pipeline=test_pipeline),
)
val_dataloader = None
val_evaluator = None
test_evaluator = dict(type='SaliencyMetric')
data_hint = {test_root: 'Get DUTS from http://saliencydetection.net/duts and unpack DUTS-TE there.'}
