# The synthesis stage of DiffusionSeg with prompts that a language model writes before the first image. Not run with
# either model's weights.
_base_ = ['./stable_diffusion_v1_4.py']
synthesis = dict(
    output='data/synthetic/diffusionseg_imagenet_written',
    prompts=dict(
        type='LanguageModelPrompts',
        model='Qwen/Qwen2.5-1.5B-Instruct',  # any causal language model in your cache, or a folder
        file='data/synthetic/imagenet_prompts.jsonl',
        count=50,
    ),
)
