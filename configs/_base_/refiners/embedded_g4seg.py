# G4Seg's gradient on the embedded models (mmseg_gen.refiners.presets.GRADIENT).
refiner = dict(
    type='G4Seg',
    generator='embedded',
    update='gradient',
    timestep=600,
    samples=2,
    injection=dict(cross_weight=0.0, self_weight=0.6, negative_branch=True),
    gradient=dict(steps=8, step=0.5, gate=0.17),
    band=dict(low=0.0, high=1.0, max_distance=None),
    normalization='complement',
)
