# AttentionCut, without training, on one object an image of VOC 2007 trainval: DiffusionSeg, Tab. 1b.
#   python tools/test.py configs/attentioncut_voc07.py
_base_ = [
    '_base_/datasets/voc07_boxes.py',
    '_base_/models/attention_cut.py',
    '_base_/schedules/test_only.py',
    '_base_/default_runtime.py',
]
