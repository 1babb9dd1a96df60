# Object discovery on Pascal VOC 2012: boxes of the 11 540 images of trainval (LOST's protocol), no label maps. A
# prediction counts where its box meets one of an object.
data_root = 'data/VOCdevkit/VOC2012'

box_keys = ('boxes', 'box_labels', 'box_difficult')
meta_keys = (
    *('img_path', 'seg_map_path', 'ori_shape', 'img_shape', 'pad_shape'),
    *('scale_factor', 'flip', 'flip_direction', 'reduce_zero_label'),
    *box_keys,
)
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=(2048, 512), keep_ratio=True),
    dict(type='PackSegInputs', meta_keys=meta_keys),
]
test_dataloader = dict(
    batch_size=1,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='VOCDataset',
        data_root=data_root,
        split='trainval',
        with_masks=False,
        with_boxes=True,
        pipeline=test_pipeline,
    ),
)
test_evaluator = dict(type='LocalizationMetric')
data_hint = {data_root: 'Unpack VOCtrainval_11-May-2012.tar there, see docs/datasets/voc.md.'}
