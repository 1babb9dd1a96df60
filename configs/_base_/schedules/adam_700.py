# adam_1k.py with 700 iterations: quickstart has twelve minutes on two cores.
_base_ = ['adam_1k.py']
param_scheduler = [dict(type='PolyLR', eta_min=1e-5, power=0.9, begin=0, end=700, by_epoch=False)]
train_cfg = dict(max_iters=700, val_interval=700)
