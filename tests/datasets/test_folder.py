"""What a path that is no folder of images is said to be."""

import pytest

from mmseg_gen.datasets.folder import find_by_name
from mmseg_gen.errors import UserError


@pytest.mark.parametrize(('name', 'found'), [('absent', 'there is no such folder'), ('file.png', 'that is a file')])
def test_a_path_that_is_no_folder_is_named(tmp_path, name, found):
    (tmp_path / 'file.png').touch()
    with pytest.raises(UserError, match=rf'Expected images in .*/{name}, but {found}: correct the path'):
        find_by_name(tmp_path / name)
