from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from PIL import Image

from mmseg_gen.functional.manifest import DROPPED, Entry
from mmseg_gen.functional.style_stack import StyleStack
from mmseg_gen.functional.writing import encode_png
from mmseg_gen.visualization.compositions import composition_part
from mmseg_gen.visualization.report_samples import make_card

MASK = np.zeros((20, 30), bool)
MASK[5:15, 8:20] = True


@pytest.fixture
def made(tmp_path):
    """Return the folder and entries: grey images of 40, 120, 200; the first with a stack of white variations."""
    entries = []
    for i, grey in enumerate((40, 120, 200)):
        files = {kind: (f'{kind}{i}.png', 1) for kind in ('image', 'mask')}
        (tmp_path / f'image{i}.png').write_bytes(encode_png(np.full((20, 30, 3), grey, np.uint8)))
        (tmp_path / f'mask{i}.png').write_bytes(encode_png(MASK * np.uint8(255)))
        entries.append(Entry(i, f's{i}', 'cat', 'p', 0, files=files))
    StyleStack(np.full((6, 10, 15, 3), 255, np.uint8)).save(tmp_path / 'e.npz')
    entries[0].files['evidence'] = ('e.npz', 1)
    return tmp_path, entries


def pictures(part):
    found = [piece.split('"')[0] for piece in part.html.split('base64,')[1:]]
    return [np.asarray(Image.open(io.BytesIO(base64.b64decode(text)))).astype(int) for text in found]


def test_objects_lie_on_their_own_variation_or_on_the_next_image(made):
    root, entries = made
    part = composition_part(root, entries)
    inner, outer = (10, 14), (1, 1)
    assert part.title == 'Compositions'
    shown = pictures(part)
    assert len(shown) == 3
    for picture, (front, back) in zip(shown, ((40, 255), (120, 200), (200, 40)), strict=True):
        assert picture.shape == (20, 30, 3)
        assert abs(picture[inner] - front).max() < 6
        assert abs(picture[outer] - back).max() < 6
    assert len(pictures(composition_part(root, entries, count=2))) == 2


def test_what_cannot_be_composed_is_left_out(made):
    root, entries = made
    (root / 'mask1.png').write_bytes(b'damaged')
    assert len(pictures(composition_part(root, entries))) == 2
    dropped = [Entry(0, 's', 'cat', 'p', 0, status=DROPPED, files=entries[0].files)]
    assert composition_part(root, dropped) is None
    assert composition_part(root, []) is None


def test_a_card_shows_variations(made):
    root, entries = made
    card = make_card(root, entries[0])
    assert card.problem == ''
    assert [picture.caption for picture in card.pictures] == ['image', 'mask', 'evidence']
    assert card.pictures[2].size == (30, 20)
    assert '4 of 6 variations' in card.pictures[2].alt
