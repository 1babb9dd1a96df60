# MS-CXR: phrases and boxes on radiographs; the AUC-ROC of maps against the filled boxes.
data_root = 'data/MS-CXR'
image_size = (512, 512)

meta_keys = (
    *('img_path', 'seg_map_path', 'ori_shape', 'img_shape', 'pad_shape'),
    *('scale_factor', 'flip', 'flip_direction', 'reduce_zero_label'),
    *('boxes', 'box_labels', 'text', 'category'),
)
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=image_size, keep_ratio=False),
    dict(type='BoxesAsMask'),  # after Resize: the ground truth keeps its own size
    dict(type='PackSegInputs', meta_keys=meta_keys),
]
test_dataloader = dict(
    batch_size=1,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(type='MSCXRDataset', data_root=data_root, pipeline=test_pipeline),
)
val_dataloader = None
val_evaluator = None
test_evaluator = [dict(type='SaliencyMetric'), dict(type='LocalizationMetric')]
data_hint = {data_root: 'Get MS-CXR and its images of MIMIC-CXR-JPG, see docs/datasets/ms_cxr.md.'}
