# One after the other: what the image's colours know, after what the generator knows.
_base_ = ['./g4seg.py']
refiner = dict(
    _delete_=True,
    type='RefinerChain',
    refiners=[{{_base_.refiner}}, dict(type='DenseCRF', position_sigma=67.0, color_sigma=3.0, color_weight=4.0)],
)
