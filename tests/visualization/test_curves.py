"""Curves are read as logged and drawn without a display."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from mmseg_gen.errors import UserError
from mmseg_gen.visualization.curves import plot_loss, read_columns, smooth


def test_rows_without_header_get_the_names_of_the_recipe(tmp_path):
    (tmp_path / 'loss.csv').write_text('50,1.5,0.7\n100,3.0,0.4\n\n150,4')
    data = read_columns(tmp_path / 'loss.csv')
    assert {name: column.tolist() for name, column in data.items()} == {
        'step': [50, 100],
        'seconds': [1.5, 3.0],
        'loss': [0.7, 0.4],
    }


def test_header_names_the_columns(tmp_path):
    (tmp_path / 'a.csv').write_text('epoch,iou\n1,0.5\n2,0.75\n')
    assert read_columns(tmp_path / 'a.csv')['iou'].tolist() == [0.5, 0.75]


@pytest.mark.parametrize(
    ('text', 'message'), [('', 'it is empty'), ('a,b\n', 'it has none'), ('1,2\n3,x\n', 'only numbers')]
)
def test_bad_files_get_one_sentence(tmp_path, text, message):
    (tmp_path / 'a.csv').write_text(text)
    with pytest.raises(UserError, match=message):
        read_columns(tmp_path / 'a.csv')


def test_smooth_is_a_trailing_mean():
    values = np.random.default_rng(0).random(30)
    expected = [values[max(0, i - 6) : i + 1].mean() for i in range(30)]
    assert np.allclose(smooth(values, 7), expected)
    assert np.allclose(smooth(values, 1), values)
    with pytest.raises(ValueError, match='at least 1, but got 0'):
        smooth(values, 0)


def test_plot_writes_a_picture_with_the_curve(tmp_path):
    rows = [f'{step},{step / 10},{1 / step}' for step in range(1, 60)]
    (tmp_path / 'loss.csv').write_text('\n'.join(rows))
    path = plot_loss(tmp_path / 'loss.csv', tmp_path / 'new' / 'loss.png', window=5)
    drawn = np.asarray(Image.open(path).convert('RGB')).astype(int)
    assert drawn.shape == (420, 720, 3)
    blue = (drawn[..., 2] - drawn[..., 0]) > 80
    assert blue.sum() > 300
    assert [p.name for p in path.parent.iterdir()] == ['loss.png']
    (tmp_path / 'iou.csv').write_text('step,iou\n1,0.5\n')
    with pytest.raises(UserError, match=r'Expected a column `loss` in .* but got step, iou'):
        plot_loss(tmp_path / 'iou.csv', path)
