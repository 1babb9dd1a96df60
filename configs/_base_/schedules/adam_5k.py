# Adam with learning rate 1e-3: paper, section 4.1. The number of iterations is not given there; ours is one
# pass over 50 000 pairs at the paper's batch of 10.
_base_ = ['./adam_1k.py']
param_scheduler = [dict(type='PolyLR', eta_min=1e-5, power=0.9, begin=0, end=5000, by_epoch=False)]
train_cfg = dict(max_iters=5000, val_interval=5000)
default_hooks = dict(checkpoint=dict(interval=1000))
