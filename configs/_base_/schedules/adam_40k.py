# Adam with the learning rate of DiffusionSeg, 1e-3; 40 000 iterations as in style mixing (section 4.4).
_base_ = ['./adam_20k.py']
param_scheduler = [dict(type='PolyLR', eta_min=1e-5, power=0.9, begin=0, end=40000, by_epoch=False)]
train_cfg = dict(max_iters=40000, val_interval=40000)
