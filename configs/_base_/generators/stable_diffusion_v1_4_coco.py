# Label maps of COCO's 80 classes by Stable Diffusion 1.4, one or two classes an image.
# All settings beyond DiffusionSeg's own are ours and were not tuned on these models.
synthesis = dict(
    generator='CompVis/stable-diffusion-v1-4',
    output='data/synthetic/coco',
    classes='coco',
    template='photo',
    objects=(1, 2),
    num_samples=80000,
    steps=40,
    guidance=7.5,  # Stable Diffusion's default
    seed=0,
    batch_size=8,
    height=512,
    width=512,
    dtype='float16',
    evidence=dict(top_k=2, tau=0.5, num_seeds=16),
    labeller=dict(
        type='SceneCutLabel',
        top_k=2,
        lambda_phi=0.16,
        lambda_psi=2.5,
        lam=0.1,
        calibration='mixture',
        min_contrast=0.1,
        min_share=0.01,
        ignore_width=3,
    ),
    filter=dict(min_area=0.02, max_area=0.95, drop_uncertain_share=0.1, max_missing=0),
)
