from __future__ import annotations

import pytest

from mmseg_gen.datasets.listed import check_files, find_images, read_image_list


def test_lines_are_stripped_and_blank_ones_left_out(tmp_path):
    path = tmp_path / 'list.txt'
    path.write_bytes(b'b\r\n  a \n\nsub/c\n\n')
    assert read_image_list(path) == ['b', 'a', 'sub/c']


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        (None, r'there is no file .*list\.txt: set `data_root`'),
        (b'\n \n', r'at least one image name in .*list\.txt, but it is empty'),
        (b'a\nb\na\n', r'each image of .*list\.txt once, but got a more than once'),
        (b'\xff\xfe\x00', r'text file .*list\.txt'),
    ],
)
def test_lists_that_cannot_be_used_are_named(tmp_path, content, message):
    path = tmp_path / 'list.txt'
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ValueError, match=message):
        read_image_list(path)


def test_images_of_a_folder_are_sorted_and_of_one_suffix(tmp_path):
    for name in ('b.jpg', 'a.jpg', 'c.png', '.hidden.jpg'):
        (tmp_path / name).touch()
    assert find_images(tmp_path, '.jpg') == ['a', 'b']
    with pytest.raises(ValueError, match=r'\*\.bmp files'):
        find_images(tmp_path, '.bmp')
    with pytest.raises(ValueError, match='no such folder'):
        find_images(tmp_path / 'gone', '.jpg')


def test_missing_files_are_counted_and_the_first_named(tmp_path):
    (tmp_path / '0').touch()
    paths = [str(tmp_path / str(i)) for i in range(8)]
    with pytest.raises(
        ValueError, match=r'things, but 7 of 8 are missing \(.*1, .*2, .*3, .*4, .*5, \.\.\.\)\. Do it\.'
    ):
        check_files(paths, 'things', 'Do it.')
    check_files(paths[:1], 'things', 'Do it.')
