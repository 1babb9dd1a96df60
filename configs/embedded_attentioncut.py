# AttentionCut on the scenes of embedded_diffusionseg.py, without training, on the models that ship with the package:
#   python tools/test.py configs/embedded_attentioncut.py
_base_ = [
    '_base_/datasets/synthetic_scenes.py',
    '_base_/models/attention_cut.py',
    '_base_/schedules/test_only.py',
    '_base_/default_runtime.py',
]
data_preprocessor = dict(size=(64, 64))
model = dict(
    data_preprocessor=data_preprocessor,
    generator='embedded',
    clip=None,  # the one that comes with it
    steps=20,
    prior=dict(classes='embedded', templates=['a photo of a {}']),
    cut=None,  # EMBEDDED_CUT
)
train_dataloader = None
env_cfg = dict(dist_cfg=dict(backend='gloo'))
