# ECSSD: 1 000 photographs, for testing only.
_base_ = ['./duts_test.py']
data_root = 'data/ECSSD'
test_dataloader = dict(dataset=dict(type='ECSSDDataset', data_root=data_root))
data_hint = {'_delete_': True, data_root: 'Unpack images and ground_truth_mask there, see docs/datasets/ecssd.md.'}
