# fobadiffusion on chest radiographs, one finding at a time, in the manner of the paper's App. H. Its model is a Stable
# Diffusion fine-tuned on the reports of MIMIC-CXR: 60 000 steps, batch 256 on 16 GPUs, learning rate 5e-5: the
# settings here. Those weights are not public: put the folder of such a model in place of `generator`. To distil on
# radiographs is ours: the paper measures maps on them only. The prompt's first words are those of the authors' code.
_base_ = [
    '_base_/models/concept_distiller.py',
    '_base_/datasets/concept_photos.py',
    '_base_/schedules/distill_20k.py',
    '_base_/default_runtime.py',
]
generator = 'CompVis/stable-diffusion-v1-4'
prompt, background = 'final report examination chest cardiomegaly', 'a photo of a background'
concept = dict(
    photos=dict(type='MSCXRDataset', data_root='data/MS-CXR', categories=['Cardiomegaly']),
    prompt=prompt,
    concepts=[['cardiomegaly']],
    background=background,
    generator=generator,
    canvas=(512, 512),
    evidence=dict(steps=50, max_steps=40, num_samples=1),  # T, T0 and N; authors' code
    labeller=dict(type='GaussianMixtureLabel', rule='means'),  # authors' code
    refine=dict(steps=50, guidance=1.0),  # authors' code
)
model = dict(generator=generator, prompts=(prompt, background))
work_dir = 'work_dirs/fobadiffusion_ms_cxr'
optim_wrapper = dict(optimizer=dict(lr=5e-5))
train_cfg = dict(max_iters=60000)
train_dataloader = dict(batch_size=16)
