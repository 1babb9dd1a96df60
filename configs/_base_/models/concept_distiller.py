# Stable Diffusion 1.4, all weights of its UNet, as in the authors' code. For small GPUs: lora=dict(rank=16).
model = dict(
    type='ConceptDistiller',
    generator='CompVis/stable-diffusion-v1-4',
    prompts=('a photo of a bird', 'a photo of a background'),
    normalization='area',  # ours; 'tensor' in the authors' code
    gradient_checkpointing=False,
    lora=None,
    latent_cache_mb=0,
)
export_dtype = 'float32'
