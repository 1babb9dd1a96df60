# What concept distillation trains on: the photos and preliminary masks of WORK/preliminary. Authors' code: short side
# to 512 px, random 512 x 512 crop, mirrored half of the time; backgrounds half of the time (also App. B); 3 photos on
# each of 2 GPUs.
train_dataloader = dict(
    batch_size=3,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='DrawSampler'),
    collate_fn=dict(type='default_collate'),
    dataset=dict(
        type='ConceptDataset',
        canvas=(512, 512),
        cell=8,
        background_share=0.5,
        fit='crop',
        flip=0.5,
        seed=0,
    ),
)
