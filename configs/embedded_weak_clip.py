# A weak segmentor for embedded_g4seg.py to refine: a small decoder on the embedded CLIP's features, whose patches of 8
# pixels know what an object is but not where it ends. Scenes of one or two objects are rendered where they are missing.
#   python tools/train.py configs/embedded_weak_clip.py
#   python tools/test.py configs/embedded_weak_clip.py work_dirs/embedded_weak_clip
_base_ = [
    '_base_/datasets/labelled_scenes.py',
    '_base_/models/diffusion_fcn.py',
    '_base_/schedules/adam_1k.py',
    '_base_/default_runtime.py',
]
data_preprocessor = dict(size=(64, 64))
model = dict(
    data_preprocessor=data_preprocessor,
    backbone=dict(_delete_=True, type='ClipBackbone', generator='embedded', layers=[1, 2, 3, 4]),
    decode_head=dict(
        in_channels=[96, 96, 96, 96],
        widths=(64, 32),
        num_classes={{_base_.num_classes}},
        out_channels={{_base_.num_classes}},
        norm_cfg=dict(type='BN'),
    ),
)
train_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type='LabelledScenesDataset',
        data_root='work_dirs/embedded_weak_clip/training_scenes',
        render=400,
        first=10_000,  # other scenes than those of the test
        pipeline={{_base_.train_pipeline}},
    )
)
test_dataloader = dict(dataset=dict(data_root='work_dirs/embedded_weak_clip/scenes', render=60))
param_scheduler = [dict(type='PolyLR', eta_min=1e-5, power=0.9, begin=0, end=800, by_epoch=False)]
train_cfg = dict(max_iters=800, val_interval=800)
env_cfg = dict(dist_cfg=dict(backend='gloo'))
