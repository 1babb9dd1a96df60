# Stanford Cars: boxes of 8 041 test images, no masks, as stanford_dogs.py.
_base_ = ['./stanford_dogs.py']
data_root = 'data/stanford_cars'
test_dataloader = dict(dataset=dict(type='StanfordCarsDataset', data_root=data_root))
data_hint = {'_delete_': True, data_root: 'Unpack cars_test and devkit there, see docs/datasets/stanford_cars.md.'}
