import copy

import cv2
import numpy as np
import pytest
from mmengine.registry import DefaultScope

from mmseg_gen.datasets.duts import DUTSDataset
from mmseg_gen.registry import DATASETS

PIPELINE = [
    {'type': 'LoadImageFromFile'},
    {'type': 'LoadBinaryMask'},
    {'type': 'PackSegInputs'},
]


def write_layout(root, folder='DUTS-TE', names=('b', 'a', 'c')):
    rng = np.random.default_rng(0)
    images, masks = root / folder / f'{folder}-Image', root / folder / f'{folder}-Mask'
    images.mkdir(parents=True)
    masks.mkdir()
    truth = {}
    for name in names:
        truth[name] = rng.random((6, 9)) > 0.5
        cv2.imwrite(str(images / f'{name}.jpg'), rng.integers(0, 256, (6, 9, 3), np.uint8))
        cv2.imwrite(str(masks / f'{name}.png'), truth[name].astype(np.uint8) * 255)
    return truth


@pytest.mark.parametrize(('split', 'folder'), [('train', 'DUTS-TR'), ('test', 'DUTS-TE')])
def test_a_split_reads_its_own_folders_in_order(tmp_path, split, folder):
    truth = write_layout(tmp_path, folder)
    config = {'type': 'DUTSDataset', 'split': split, 'data_root': str(tmp_path), 'pipeline': PIPELINE}
    with DefaultScope.overwrite_default_scope('mmseg'):
        dataset = DATASETS.build(config)
    assert dataset.metainfo['classes'] == ('background', 'foreground')
    assert len(dataset) == 3
    for i, name in enumerate('abc'):
        item = dataset[i]
        assert item['inputs'].shape == (3, 6, 9)
        assert np.array_equal(item['data_samples'].gt_sem_seg.data[0].numpy(), truth[name])


def test_other_sets_of_this_form_take_a_prefix(tmp_path):
    write_layout(tmp_path, 'ECSSD')
    prefix = {'img_path': 'ECSSD/ECSSD-Image', 'seg_map_path': 'ECSSD/ECSSD-Mask'}
    kept = copy.deepcopy(prefix)
    assert len(DUTSDataset(data_root=str(tmp_path), data_prefix=prefix, test_mode=True)) == 3
    assert prefix == kept


def test_missing_masks_are_named_with_the_cure(tmp_path):
    write_layout(tmp_path, names=[f'image{i}' for i in range(9)])
    for i in range(1, 8):
        (tmp_path / 'DUTS-TE' / 'DUTS-TE-Mask' / f'image{i}.png').unlink()
    with pytest.raises(ValueError, match=r'7 of 9 are missing.*image1\.png.*`data_prefix`'):
        DUTSDataset('test', data_root=str(tmp_path))


def test_a_mask_folder_that_does_not_match_is_named(tmp_path):
    write_layout(tmp_path)
    write_layout(tmp_path, 'DUTS-TR', names=('x', 'y'))
    prefix = {'img_path': 'DUTS-TE/DUTS-TE-Image', 'seg_map_path': 'DUTS-TR/DUTS-TR-Mask'}
    with pytest.raises(ValueError, match=r'3 of 3 are missing.*DUTS-TR-Mask'):
        DUTSDataset(data_root=str(tmp_path), data_prefix=prefix)


def test_missing_and_empty_image_folders_are_named(tmp_path):
    with pytest.raises(ValueError, match=r'DUTS-TE-Image.*no such\s+folder: correct the path, such as `data_root`'):
        DUTSDataset('test', data_root=str(tmp_path))
    (tmp_path / 'DUTS-TE' / 'DUTS-TE-Image').mkdir(parents=True)
    with pytest.raises(ValueError, match=r'\*\.jpg files'):
        DUTSDataset('test', data_root=str(tmp_path))


@pytest.mark.parametrize('split', [None, 'val'])
def test_another_split_is_refused(split):
    with pytest.raises(ValueError, match=f'`split`.*{split!r}'):
        DUTSDataset(split)
