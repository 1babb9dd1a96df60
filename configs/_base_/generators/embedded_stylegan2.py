# Style mixing with the StyleGAN2 that ships with the package: cats of 64 pixels, on the CPU, in minutes.
synthesis = dict(
    generator=dict(type='StyleMixing', checkpoint='embedded', cutoff=7, count=50, truncation=0.7, batch=25),
    output='work_dirs/embedded_stylemix/synthetic',
    classes=['cat'],
    num_samples=640,
    seed=0,
    batch_size=4,
    # Chosen on latents that nothing else is measured on; docs/style_mixing.md tells how.
    labeller=dict(
        type='StyleMixingLabel', clusters=4, foreground='saliency', saliency_threshold=0.55, color_space='lab'
    ),
    filter=dict(min_area=0.02, max_area=0.9),
)
