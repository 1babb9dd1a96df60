# CLIP-ES's settings of the dense CRF, which G4Seg is compared with on VOC.
refiner = dict(
    type='DenseCRF',
    iterations=10,
    position_sigma=67.0,
    color_sigma=3.0,
    color_weight=4.0,
    smooth_sigma=1.0,
    smooth_weight=3.0,
)
