# DUT-OMRON: 5 168 photographs, for testing only.
_base_ = ['./duts_test.py']
data_root = 'data/DUT-OMRON'
test_dataloader = dict(dataset=dict(type='DUTOMRONDataset', data_root=data_root))
data_hint = {
    '_delete_': True,
    data_root: 'Unpack DUT-OMRON-image and pixelwiseGT-new-PNG there, see docs/datasets/dut_omron.md.',
}
