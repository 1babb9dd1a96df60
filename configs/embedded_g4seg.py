# What embedded_weak_clip.py predicts, refined by G4Seg on the embedded models. Masks made coarse in known ways are
# refined by the g4seg tables (configs/tables/refinement.py).
#   python tools/train.py configs/embedded_weak_clip.py
#   python tools/test.py configs/embedded_g4seg.py work_dirs/embedded_weak_clip
_base_ = ['embedded_weak_clip.py', '_base_/refiners/embedded_g4seg.py']
default_hooks = dict(refine=dict(type='RefinementHook', refiner={{_base_.refiner}}))
