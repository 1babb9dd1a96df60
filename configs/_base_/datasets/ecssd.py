# ECSSD: 1 000 photographs, for testing only.
data_root = 'data/ECSSD'
image_size = (512, 512)

test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=image_size, keep_ratio=False),
    dict(type='LoadBinaryMask'),  # after Resize: the ground truth keeps its own size
    dict(type='PackSegInputs'),
]
test_dataloader = dict(
    batch_size=1,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(type='ECSSDDataset', data_root=data_root, pipeline=test_pipeline),
)
val_dataloader = None
val_evaluator = None
test_evaluator = dict(type='SaliencyMetric')
data_hint = {data_root: 'Unpack images and ground_truth_mask there, see docs/datasets/ecssd.md.'}
