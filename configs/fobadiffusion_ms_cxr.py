# fobadiffusion on chest radiographs, one finding at a time, in the manner of the paper's App. H. Its model is a Stable
# Diffusion fine-tuned on the reports of MIMIC-CXR: 60 000 steps, batch 256 on 16 GPUs, learning rate 5e-5: the
# settings here. Those weights are not public: put the folder of such a model in place of `generator`. To distil on
# radiographs is ours: the paper measures maps on them only. The prompt's first words are those of the authors' code.
_base_ = [
    '_base_/concepts/stable_diffusion_v1_4.py',
    '_base_/models/concept_distiller.py',
    '_base_/datasets/concept_photos.py',
    '_base_/schedules/distill_20k.py',
    '_base_/default_runtime.py',
]
prompt = 'final report examination chest cardiomegaly'
concept = dict(
    photos=dict(type='MSCXRDataset', data_root='data/MS-CXR', categories=['Cardiomegaly']),
    prompt=prompt,
    concepts=[['cardiomegaly']],
)
model = dict(generator={{_base_.generator}}, prompts=(prompt, {{_base_.background}}))
work_dir = 'work_dirs/fobadiffusion_ms_cxr'
optim_wrapper = dict(optimizer=dict(lr=5e-5))
train_cfg = dict(max_iters=60000)
train_dataloader = dict(batch_size=16)
