# AttentionCut, without training, on one object an image of VOC 2012 trainval: DiffusionSeg, Tab. 1b.
#   python tools/test.py configs/attentioncut_voc12.py
_base_ = [
    '_base_/datasets/voc12_boxes.py',
    '_base_/models/attention_cut.py',
    '_base_/schedules/test_only.py',
    '_base_/default_runtime.py',
]
