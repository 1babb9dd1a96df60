# Pascal VOC 2007, 20 classes and background: trained on trainval (422 label maps), tested on test (210). Settings of
# voc12.py.
_base_ = ['./voc12.py']
data_root = 'data/VOCdevkit/VOC2007'
train_dataloader = dict(dataset=dict(data_root=data_root, split='trainval'))
val_dataloader = dict(dataset=dict(data_root=data_root, split='test'))
test_dataloader = dict(dataset=dict(data_root=data_root, split='test'))
data_hint = {
    '_delete_': True,
    data_root: 'Unpack VOCtrainval_06-Nov-2007.tar and VOCtest_06-Nov-2007.tar there, see docs/datasets/voc.md.',
}
