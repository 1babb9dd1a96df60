# Trained on the embedded StyleGAN2's cats, labelled by style mixing; tested on rendered cats with exact masks.
train_root = 'work_dirs/embedded_stylemix/synthetic'
test_root = 'work_dirs/embedded_stylemix/cats'

train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadBinaryMask'),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackSegInputs'),
]
test_pipeline = [dict(type='LoadImageFromFile'), dict(type='LoadBinaryMask'), dict(type='PackSegInputs')]
# No worker processes: the images are small.
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
    dataset=dict(
        type='FolderDataset',
        data_root=test_root,
        data_prefix=dict(img_path='test/images', seg_map_path='test/masks'),
        pipeline=test_pipeline,
    ),
)
val_dataloader = None
val_evaluator = None
test_evaluator = [dict(type='BinaryIoUMetric'), dict(type='TrimapIoUMetric', widths=[3])]
data_hint = {test_root: f"Write it, in Python: mmseg_gen.datasets.cat_photos.write_cat_photos('{test_root}', 200)."}
