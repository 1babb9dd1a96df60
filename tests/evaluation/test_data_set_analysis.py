import json
import math

import cv2
import numpy as np
import pytest

from mmseg_gen.errors import UserError
from mmseg_gen.evaluation.data_set_analysis import analyze, summarize
from mmseg_gen.evaluation.image_pairs import find_pairs
from mmseg_gen.functional.manifest import DROPPED, KEPT, Entry, entry_to_line

SIZE = (20, 32)


def rectangle(left, value=255):
    mask = np.zeros(SIZE, np.uint8)
    mask[5:15, left : left + 8] = value
    return mask


def write_set(root, masks, images='images', folder='masks'):
    for name in (images, folder):
        (root / name).mkdir(parents=True, exist_ok=True)
    for stem, mask in masks.items():
        cv2.imwrite(str(root / images / f'{stem}.jpg'), np.full((*SIZE, 3), 90, np.uint8))
        cv2.imwrite(str(root / folder / f'{stem}.png'), mask)
    return root


def test_a_folder_gives_the_numbers_one_can_count(tmp_path):
    write_set(tmp_path, {'a': rectangle(0), 'b': rectangle(12), 'none': np.zeros(SIZE, np.uint8)})
    pairs, lonely = find_pairs(tmp_path)
    found = analyze(pairs, 'mine', left_out=lonely).as_json()
    assert json.loads(json.dumps(found)) == found
    assert (found['name'], found['masks']) == ('mine', 2)
    assert found['object_size']['mean'] == 80 / 640
    assert found['object_size']['std'] == 0
    assert found['shape_complexity']['median'] == found['polygon_length']['max'] == 4
    assert found['shape_diversity'] == {'count': 1, 'mean': 0, 'std': 0, 'min': 0, 'max': 0} | dict.fromkeys(
        ('p05', 'median', 'p95'), 0
    )
    assert found['color_contrast']['mean'] == 0
    assert found['center'] == {'x': (4 / 32 + 16 / 32) / 2, 'y': 0.5}
    assert found['center_distance']['max'] == pytest.approx((1 - 8 / 32) / math.sqrt(2))
    assert found['empty'] == {'count': 1, 'files': [str(tmp_path / 'masks' / 'none.png')]}
    assert np.mean(found['center_map']) == pytest.approx(80 / 640, abs=1e-4)


def test_kept_samples_of_a_generated_set_count(tmp_path):
    write_set(tmp_path, {'0': rectangle(0), '1': rectangle(4)})
    lines = []
    for index, status in enumerate((KEPT, DROPPED)):
        files = {'image': (f'images/{index}.jpg', 1), 'mask': (f'masks/{index}.png', 1)}
        lines.append(entry_to_line(Entry(index, str(index), 'dog', 'a dog', 0, status, files=files)))
    (tmp_path / 'manifest.jsonl').write_text(''.join(lines))
    pairs, _ = find_pairs(tmp_path)
    assert [pair.mask.name for pair in pairs] == ['0.png']
    assert len(find_pairs(tmp_path, 'images', 'masks')[0]) == 2
    (tmp_path / 'manifest.jsonl').write_text(lines[1])
    with pytest.raises(UserError, match=r'kept samples in .* manifest has none'):
        find_pairs(tmp_path)


def test_unusable_files_are_left_out_and_listed(tmp_path):
    write_set(tmp_path, {'good': rectangle(3), 'wide': np.zeros((20, 33), np.uint8), 'broken': rectangle(1)})
    (tmp_path / 'masks' / 'broken.png').write_bytes(b'no picture')
    cv2.imwrite(str(tmp_path / 'images' / 'alone.png'), np.zeros((4, 5, 3), np.uint8))
    pairs, lonely = find_pairs(tmp_path)
    found = analyze(pairs, 'mine', left_out=lonely)
    assert len(found.statistics.object_size) == 1
    reasons = {file.split('/')[-1]: reason for file, reason in found.left_out}
    assert reasons.keys() == {'alone.png', 'broken.png', 'wide.png'}
    assert 'no mask of this name' in reasons['alone.png']
    assert 'readable label map' in reasons['broken.png']
    assert '32 x 20 pixels, but got 33 x 20' in reasons['wide.png']
    assert found.as_json()['left_out']['count'] == 3


@pytest.mark.parametrize('values', [[0, 15, 255], [0, 150], [1, 255]])
def test_values_of_two_meanings_stop_the_analysis(tmp_path, values):
    mask = rectangle(0, values[0])
    mask[:2, : len(values)] = values
    write_set(tmp_path, {'a': rectangle(3), 'b': mask})
    with pytest.raises(UserError, match=r'masks/b\.png.*--mask-kind labels for class ids'):
        analyze(find_pairs(tmp_path)[0], 'mine')


def test_folders_that_cannot_be_used_are_named(tmp_path):
    write_set(tmp_path, {'a': np.zeros(SIZE, np.uint8)})
    with pytest.raises(UserError, match=r'mine: expected masks that show an object, but 1 of 1 are empty'):
        analyze(find_pairs(tmp_path)[0], 'mine')
    with pytest.raises(UserError, match='`mask_kind` from auto'):
        analyze([], 'mine', mask_kind='soft')
    with pytest.raises(UserError, match=r'a folder .*truth, but there is none; name it with --images or --masks'):
        find_pairs(tmp_path, 'images', 'truth')
    cv2.imwrite(str(tmp_path / 'images' / 'a.png'), rectangle(0))
    with pytest.raises(UserError, match='one file for each name'):
        find_pairs(tmp_path)
    other = write_set(tmp_path / 'other', {'a': rectangle(0)})
    (other / 'masks' / 'a.png').rename(other / 'masks' / 'a_mask.png')
    with pytest.raises(UserError, match=r'masks named as the 1 images of .*got a_mask, \.\.\. for a, \.\.\.'):
        find_pairs(other)


def test_summaries_leave_out_what_is_not_defined():
    found = summarize(np.array([1.0, np.nan, 3.0]))
    assert (found['count'], found['mean'], found['std'], found['median']) == (2, 2, 1, 2)
    assert summarize(np.array([np.nan])) == {'count': 0, 'mean': None}
