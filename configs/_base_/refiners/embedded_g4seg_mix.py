# G4Seg's mix on the embedded models, chosen on their scenes (configs/tables/chosen_refinements.json, 'mix, tuned').
refiner = dict(
    type='G4Seg',
    generator='embedded',
    update='mix',
    timestep=100,
    beta=0.0,
    features=dict(
        type='Stacked',
        side=32,
        extractors=[dict(type='Colors'), dict(type='DiffusionMaps', timestep=100)],
        weights=[1.0, 1.0],
    ),
    matching=dict(neighbors=16, window=4, exclude_self=True),
    grid=32,
    band=dict(low=0.0, high=0.6, max_distance=3),
    normalization='complement',
)
