# Adam with the learning rate of DiffusionSeg, 1e-3; 20 000 iterations are ours.
_base_ = ['./adam_1k.py']
param_scheduler = [dict(type='PolyLR', eta_min=1e-5, power=0.9, begin=0, end=20000, by_epoch=False)]
train_cfg = dict(max_iters=20000, val_interval=20000)
default_hooks = dict(checkpoint=dict(interval=1000))
