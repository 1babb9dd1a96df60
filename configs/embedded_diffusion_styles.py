# Style mixing without a GAN: images of the embedded text-to-image model, varied under other prompts; U-Net on them.
#   python tools/synthesize.py configs/embedded_diffusion_styles.py
#   python tools/train.py configs/embedded_diffusion_styles.py
_base_ = ['./embedded_unet.py']
train_root = 'work_dirs/embedded_diffusion_styles/synthetic'
synthesis = dict(
    _delete_=True,
    generator=dict(
        type='DiffusionStyles', generator='embedded', count=12, strength=0.8, structure=0.5, guidance=3.0, batch=12
    ),
    output=train_root,
    classes='embedded',
    num_samples=640,
    steps=10,
    guidance=3.0,
    seed=0,
    batch_size=4,
    # Chosen on rendered scenes that nothing is measured on; docs/style_mixing.md tells how.
    labeller=dict(type='StyleMixingLabel', clusters=4, foreground='saliency', saliency_threshold=0.45),
    filter=dict(min_area=0.02, max_area=0.9),
)
train_dataloader = dict(dataset=dict(data_root=train_root))
