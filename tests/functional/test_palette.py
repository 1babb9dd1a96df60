from __future__ import annotations

from mmseg_gen.functional.palette import voc_palette

# The first twenty-one rows as the VOC development kit lists them.
_VOC = [
    (0, 0, 0), (128, 0, 0), (0, 128, 0), (128, 128, 0), (0, 0, 128), (128, 0, 128), (0, 128, 128), (128, 128, 128),
    (64, 0, 0), (192, 0, 0), (64, 128, 0), (192, 128, 0), (64, 0, 128), (192, 0, 128), (64, 128, 128),
    (192, 128, 128), (0, 64, 0), (128, 64, 0), (0, 192, 0), (128, 192, 0), (0, 64, 128),
]  # fmt: skip


def test_equals_the_development_kit():
    palette = voc_palette()
    assert [tuple(row) for row in palette[:21].tolist()] == _VOC
    assert tuple(palette[255].tolist()) == (224, 224, 192)
    assert len({tuple(row) for row in palette.tolist()}) == 256
