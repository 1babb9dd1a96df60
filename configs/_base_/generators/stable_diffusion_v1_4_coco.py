# Label maps of COCO's 80 classes by Stable Diffusion 1.4, one or two classes an image.
_base_ = ['./stable_diffusion_v1_4_voc.py']
synthesis = dict(output='data/synthetic/coco', classes='coco', num_samples=80000)
