# AttentionCut, without training, on 1 000 birds of CUB-200-2011: DiffusionSeg, Tab. 1c.
#   python tools/test.py configs/attentioncut_cub.py
_base_ = [
    '_base_/datasets/cub_test.py',
    '_base_/models/attention_cut.py',
    '_base_/schedules/test_only.py',
    '_base_/default_runtime.py',
]
