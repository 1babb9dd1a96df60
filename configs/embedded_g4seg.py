# The weak segmentor of embedded_multiclass.py on scenes of one or two objects, its predictions refined by G4Seg:
#   python tools/test.py configs/embedded_g4seg.py work_dirs/embedded_multiclass
# `coarse` is what tools/tune_refinement.py and the g4seg tables refine: masks made coarse in known ways.
_base_ = ['embedded_multiclass.py', '_base_/refiners/embedded_g4seg.py']
default_hooks = dict(refine=dict(type='RefinementHook', refiner={{_base_.refiner}}))
coarse = dict(
    kinds=['eroded', 'dilated', 'holes', 'shifted', 'low_resolution'],
    iou=[0.4, 0.8],  # each mask's own, drawn evenly
    soften=3.0,
)
