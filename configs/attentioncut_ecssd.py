# AttentionCut, without training, on ECSSD: DiffusionSeg, Tab. 1a.
#   python tools/test.py configs/attentioncut_ecssd.py
_base_ = [
    '_base_/datasets/ecssd.py',
    '_base_/models/attention_cut.py',
    '_base_/schedules/test_only.py',
    '_base_/default_runtime.py',
]
