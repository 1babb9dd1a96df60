# CelebAMask-HQ as head and background; trained on its training faces, tested on its test faces.
_base_ = ['./celebamask_hq.py']
train_dataloader = dict(dataset=dict(type='CelebAMaskHQHeadDataset'))
test_dataloader = dict(dataset=dict(type='CelebAMaskHQHeadDataset'))
test_evaluator = [
    dict(type='BinaryIoUMetric'),
    dict(type='TrimapIoUMetric', widths=[3]),  # width: style mixing, section 4.4
]
