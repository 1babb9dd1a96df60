# AttentionCut, without training, on one object an image of COCO20k: DiffusionSeg, Tab. 1b.
#   python tools/test.py configs/attentioncut_coco20k.py
_base_ = [
    '_base_/datasets/coco20k_boxes.py',
    '_base_/models/attention_cut.py',
    '_base_/schedules/test_only.py',
    '_base_/default_runtime.py',
]
