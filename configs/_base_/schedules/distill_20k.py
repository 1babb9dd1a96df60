# Authors' code: AdamW, constant learning rate 1e-4 after one warm-up step, a checkpoint every 2000 steps, EMA weights
# for sampling (Latent Diffusion's, decay 0.9999). Their training has no end; "one day on two A6000" (section 4). The
# 20 000 iterations and the clipping are ours.
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='AdamW', lr=1e-4, betas=(0.9, 0.999), weight_decay=0.01),  # PyTorch's decay, as theirs
    clip_grad=dict(max_norm=1.0),
    accumulative_counts=1,
)
param_scheduler = None
train_cfg = dict(type='IterBasedTrainLoop', max_iters=20000)
custom_hooks = [
    # The share of new weights is 9 / (9 + steps), at least 1e-4: Latent Diffusion's warm-up of the average.
    dict(type='EMAHook', ema_type='MomentumAnnealingEMA', momentum=0.0001, gamma=9),
    dict(type='FiniteTrainingHook'),
    dict(type='SampleOutcomesHook'),
]
default_hooks = dict(
    timer=dict(type='IterTimerHook'),
    logger=dict(type='LoggerHook', interval=50, log_metric_by_epoch=False),
    param_scheduler=dict(type='ParamSchedulerHook'),
    # Two are kept, so that one is always whole; there is no scheduler to save.
    checkpoint=dict(type='CheckpointHook', by_epoch=False, interval=2000, max_keep_ckpts=2, save_param_scheduler=False),
    sampler_seed=dict(type='DistSamplerSeedHook'),
)
