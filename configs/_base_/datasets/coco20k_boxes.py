# Object discovery on COCO20k: boxes of 19 817 images of COCO train2014, as voc07_boxes.py.
_base_ = ['./voc07_boxes.py']
data_root = 'data/coco'
list_file = 'annotations/coco_20k_filenames.txt'
boxes_file = 'annotations/instances_train2014_sel20k.json'  # of tools/dataset_converters/coco20k.py

test_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type='COCO20kDataset',
        data_root=data_root,
        ann_file=list_file,
        boxes_file=boxes_file,
        pipeline={{_base_.test_pipeline}},
    )
)
data_hint = {
    '_delete_': True,
    data_root: 'Unpack train2014.zip and annotations_trainval2014.zip there and run '
    'tools/dataset_converters/coco20k.py, see docs/datasets/coco20k.md.',
}
