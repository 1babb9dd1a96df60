"""What the data sets of one class, faces, radiographs and folders say of missing and damaged files."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from mmseg_gen.datasets import (
    CelebAMaskHQDataset,
    CUBDataset,
    ECSSDDataset,
    FolderDataset,
    Human36MDataset,
    MSCXRDataset,
    StanfordCarsDataset,
    StanfordDogsDataset,
)
from mmseg_gen.datasets.converters.celebamask import convert_celebamask, merge_parts
from mmseg_gen.datasets.layouts.celebamask import write_celebamask_faces
from mmseg_gen.datasets.layouts.cub import annotator_mask, write_cub_scenes
from mmseg_gen.datasets.layouts.human36m import write_human36m_scenes
from mmseg_gen.datasets.layouts.ms_cxr import NAME, write_ms_cxr_scenes
from mmseg_gen.datasets.layouts.saliency import write_saliency_scenes
from mmseg_gen.datasets.layouts.stanford import write_cars_scenes, write_dogs_scenes
from mmseg_gen.datasets.transforms import BoxesAsMask, LoadBinaryMask


def first(folder):
    return sorted(path for path in folder.rglob('*') if path.is_file())[0]


def test_a_mask_of_another_size_is_named(tmp_path):
    path = tmp_path / 'mask.png'
    cv2.imwrite(str(path), np.full((6, 8), 255, np.uint8))
    results = dict(seg_map_path=str(path), seg_fields=[], ori_shape=(8, 6))
    with pytest.raises(ValueError, match=r'mask\.png.*6 x 8 pixels'):
        LoadBinaryMask()(results)


def test_saliency_sets_name_missing_masks_and_words(tmp_path):
    write_saliency_scenes(tmp_path, 'ecssd', 2, size=32)
    assert len(ECSSDDataset(data_root=str(tmp_path))) == 2
    first(tmp_path / 'ground_truth_mask').unlink()
    with pytest.raises(ValueError, match=r'1 of 2 are missing.*0000\.png'):
        ECSSDDataset(data_root=str(tmp_path))
    with pytest.raises(ValueError, match=r"`split` from test.*'train'"):
        ECSSDDataset('train')


def test_cub_takes_lists_and_names_what_is_wrong(tmp_path):
    write_cub_scenes(tmp_path, 6, size=32)
    root = dict(data_root=str(tmp_path))
    assert [len(CUBDataset(s, **root)) for s in ('train', 'test', 'redo_train', 'redo_val', 'redo_test')] == [
        4,
        2,
        2,
        2,
        2,
    ]
    (tmp_path / 'some.txt').write_text('3\nBlack_footed_Albatross_0001_796001\n')
    listed = CUBDataset(ann_file='some.txt', **root)
    assert [listed.get_data_info(i)['img_path'][-8:] for i in range(2)] == ['6003.jpg', '6001.jpg']
    info = listed.get_data_info(0)
    assert (info['boxes'].dtype, info['boxes'].shape, info['box_labels'].tolist()) == (np.float32, (1, 4), [1])
    for text, message in (('3\n3\n', 'once'), ('9\n', '1 of 1 are unknown: 9'), ('', 'empty')):
        (tmp_path / 'some.txt').write_text(text)
        with pytest.raises(ValueError, match=message):
            CUBDataset(ann_file='some.txt', **root)
    with pytest.raises(ValueError, match='no file'):
        CUBDataset(ann_file='gone.txt', **root)
    (tmp_path / 'bounding_boxes.txt').write_text('1 2 3\n')
    with pytest.raises(ValueError, match=r"4 values in each line of .*bounding_boxes\.txt, but got '1 2 3'"):
        CUBDataset(**root)
    with pytest.raises(ValueError, match='`split`'):
        CUBDataset('val')


def test_five_annotators_agree_by_majority():
    mask = np.zeros((9, 12), bool)
    mask[2:7, 3:9] = True
    grey = annotator_mask(mask)
    assert set(np.unique(grey)) == {0, 51, 204, 255}
    assert np.array_equal(grey >= 128, mask)


@pytest.mark.parametrize(
    ('cls', 'write'), [(StanfordDogsDataset, write_dogs_scenes), (StanfordCarsDataset, write_cars_scenes)]
)
def test_stanford_sets_name_damaged_and_missing_files(tmp_path, cls, write):
    write(tmp_path, 4, size=32)
    assert len(cls('train', data_root=str(tmp_path))) == len(cls('test', data_root=str(tmp_path))) == 2
    for path in tmp_path.rglob('*.jpg'):
        path.unlink()
    with pytest.raises(ValueError, match='2 of 2 are missing'):
        cls(data_root=str(tmp_path))
    for path in tmp_path.rglob('*test*.mat'):
        path.write_bytes(b'MATLAB 5.0 MAT-file, cut off')
    with pytest.raises(ValueError, match=r'could not read .*\.mat'):
        cls(data_root=str(tmp_path))
    with pytest.raises(ValueError, match='`split`'):
        cls('val')


def test_dogs_name_a_damaged_annotation(tmp_path):
    write_dogs_scenes(tmp_path, 2, size=32)
    for path in (tmp_path / 'Annotation').glob('*/*'):
        path.write_text('<annotation>')
    with pytest.raises(ValueError, match='is damaged'):
        StanfordDogsDataset(data_root=str(tmp_path))


def test_cars_without_annotations_say_which_they_look_for(tmp_path):
    with pytest.raises(ValueError, match=r'cars_annos\.mat'):
        StanfordCarsDataset(data_root=str(tmp_path))


def test_human36m_names_missing_boxes_and_masks(tmp_path):
    write_human36m_scenes(tmp_path, 4, size=32)
    assert len(Human36MDataset(None, data_root=str(tmp_path))) == 4
    first(tmp_path / 'masks/S9').unlink()
    with pytest.raises(ValueError, match='1 of 2 are missing'):
        Human36MDataset(data_root=str(tmp_path))
    (tmp_path / 'boxes.csv').write_text('path,x1,y1,x2,y2\na.jpg,1,2\n')
    with pytest.raises(ValueError, match='line 2'):
        Human36MDataset(data_root=str(tmp_path))
    assert len(Human36MDataset(data_root=str(tmp_path), with_masks=False, boxes_file=None)) == 2


def test_faces_ask_for_the_converter_and_name_missing_parts(tmp_path):
    write_celebamask_faces(tmp_path, 2)
    with pytest.raises(ValueError, match=r'celebamask_hq\.py'):
        CelebAMaskHQDataset(data_root=str(tmp_path))
    first(tmp_path / 'CelebAMask-HQ-mask-anno').write_bytes(b'no png')
    with pytest.raises(ValueError, match='readable label map'):
        convert_celebamask(tmp_path)
    for path in (tmp_path / 'CelebAMask-HQ-mask-anno').rglob('00000_*'):
        path.unlink()
    with pytest.raises(ValueError, match=r'parts 00000_\*\.png'):
        convert_celebamask(tmp_path)
    with pytest.raises(ValueError, match='one shape'):
        merge_parts({'skin': np.ones((2, 2), bool), 'hair': np.ones((2, 3), bool)})


def test_ms_cxr_carries_text_and_names_damage(tmp_path):
    boxes = write_ms_cxr_scenes(tmp_path, 4, size=32)
    dataset = MSCXRDataset(data_root=str(tmp_path))
    for i, (stem, rectangles) in enumerate(boxes.items()):
        info = dataset.get_data_info(i)
        assert stem in info['img_path']
        assert info['boxes'].tolist() == [list(box) for box in rectangles]
        assert (info['text'], info['annotated_size']) == (f'opacity number {i}', (40, 32))
    assert len(MSCXRDataset(f'{NAME}.csv', 'test', data_root=str(tmp_path))) == 2
    assert len(MSCXRDataset(data_root=str(tmp_path), categories=['Pneumonia'])) == 2
    with pytest.raises(ValueError, match='but got none'):
        MSCXRDataset(data_root=str(tmp_path), categories=['Cold'])
    (tmp_path / f'{NAME}.json').write_text('{"images": [')
    with pytest.raises(ValueError, match='not complete JSON'):
        MSCXRDataset(data_root=str(tmp_path))


def test_boxes_do_not_fill_a_resized_image():
    results = dict(boxes=np.array([[1, 0, 3, 2]], np.float32), ori_shape=(4, 6), seg_fields=[])
    filled = BoxesAsMask()(dict(results))['gt_seg_map']
    assert [filled[y, x] for y in range(4) for x in range(6)] == [
        int(x in (1, 2) and y < 2) for y in range(4) for x in range(6)
    ]
    with pytest.raises(ValueError, match='12 x 8 pixels, but got 6 x 4'):
        BoxesAsMask()(dict(results, annotated_size=(8, 12)))


def test_folders_refuse_twins_missing_masks_and_nothing(tmp_path):
    with pytest.raises(ValueError, match='no such folder'):
        FolderDataset(data_root=str(tmp_path))
    for folder in ('images', 'masks'):
        (tmp_path / folder).mkdir()
    with pytest.raises(ValueError, match='at least one image'):
        FolderDataset(data_root=str(tmp_path))
    (tmp_path / 'images/a.jpg').touch()
    with pytest.raises(ValueError, match=r'1 of 1 are missing.*a\.png'):
        FolderDataset(data_root=str(tmp_path))
    assert len(FolderDataset(data_root=str(tmp_path), with_masks=False)) == 1
    (tmp_path / 'images/a.png').touch()
    with pytest.raises(ValueError, match=r'a\.jpg and a\.png'):
        FolderDataset(data_root=str(tmp_path))
    with pytest.raises(ValueError, match='`classes`'):
        FolderDataset('dog')
