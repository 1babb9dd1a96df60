# Birds by Stable Diffusion 1.4, for CUB-200-2011: one class, masks of 0 and 255.
_base_ = ['./stable_diffusion_v1_4.py']
synthesis = dict(output='data/synthetic/birds', classes=['bird'], template='photo', num_samples=10000)
