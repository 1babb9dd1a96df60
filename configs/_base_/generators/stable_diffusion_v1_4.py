# The synthesis stage of DiffusionSeg with Stable Diffusion 1.4: paper, sections 3.2 and 4.1.
# top_k, tau, num_seeds, guidance and the filter are ours: the paper gives none.
synthesis = dict(
    generator='CompVis/stable-diffusion-v1-4',
    output='data/synthetic/diffusionseg_imagenet',
    classes='imagenet',
    num_samples=50000,
    steps=40,  # T
    guidance=7.5,  # Stable Diffusion's default
    seed=0,
    batch_size=8,
    height=512,
    width=512,
    dtype='float16',
    evidence=dict(top_k=2, tau=0.5, num_seeds=16),
    labeller=dict(type='AttentionCutLabel', top_k=2, lambda_phi=0.16, lambda_psi=2.5, lam=0.1),
    filter=dict(min_area=0.02, max_area=0.9, drop_uncertain_share=0.1),
)
