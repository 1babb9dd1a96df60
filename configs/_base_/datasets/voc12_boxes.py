# Object discovery on Pascal VOC 2012: boxes of the 11 540 images of trainval, as voc07_boxes.py.
_base_ = ['./voc07_boxes.py']
data_root = 'data/VOCdevkit/VOC2012'
test_dataloader = dict(dataset=dict(data_root=data_root))
data_hint = {'_delete_': True, data_root: 'Unpack VOCtrainval_11-May-2012.tar there, see docs/datasets/voc.md.'}
