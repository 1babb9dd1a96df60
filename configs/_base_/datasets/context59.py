# Pascal Context, 59 classes; background (0 in the files) is ignored: MMSeg's settings
# (mmseg::_base_/datasets/pascal_context_59.py), label maps checked as they are read.
_base_ = ['./context60.py']
train_dataloader = dict(dataset=dict(type='Context59Dataset'))
val_dataloader = dict(dataset=dict(type='Context59Dataset'))
test_dataloader = dict(dataset=dict(type='Context59Dataset'))
