# The synthesis stage with the embedded models: 64 px, on the CPU, in minutes.
synthesis = dict(
    generator='embedded',
    output='work_dirs/quickstart/synthetic',
    classes='embedded',
    num_samples=480,
    steps=20,
    guidance=3.0,  # small models over-saturate at Stable Diffusion's 7.5
    seed=0,
    batch_size=16,
    height=64,
    width=64,
    evidence=dict(top_k=3, tau=0.5, num_seeds=16),
    # mmseg_gen.functional.cut_settings.EMBEDDED_CUT
    labeller=dict(
        type='AttentionCutLabel',
        top_k=3,
        lambda_phi=0.5,
        lam=2.0,
        color_rounds=3,
        color_weight=4.0,
        min_objectness=0.75,
        lambda_self=0.3,
        color_scale=10.0,
        color_bins=12,
        fill_holes=False,
    ),
    filter=dict(min_area=0.02, max_area=0.9, drop_uncertain_share=0.1),
)
