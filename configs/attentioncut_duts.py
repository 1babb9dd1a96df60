# AttentionCut, without training, on DUTS-TE: DiffusionSeg, Tab. 1a.
#   python tools/test.py configs/attentioncut_duts.py
_base_ = [
    '_base_/datasets/duts_test.py',
    '_base_/models/attention_cut.py',
    '_base_/schedules/test_only.py',
    '_base_/default_runtime.py',
]
