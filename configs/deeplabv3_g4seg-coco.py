# COCO objects: DeepLabV3's predictions refined by G4Seg with the paper's settings, at test time only.
#   python tools/test.py configs/deeplabv3_g4seg-coco.py CHECKPOINT
# Any segmentor will do: the same two lines under default_hooks refine any config's predictions.
_base_ = [
    '_base_/datasets/coco_object.py',
    '_base_/models/deeplabv3.py',
    '_base_/refiners/g4seg.py',
    '_base_/schedules/adam_20k.py',
    '_base_/default_runtime.py',
]
model = dict(decode_head=dict(num_classes=81, out_channels=81))
default_hooks = dict(refine=dict(type='RefinementHook', refiner={{_base_.refiner}}))
# For testing only.
val_dataloader = None
val_evaluator = None
