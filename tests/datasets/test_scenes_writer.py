from __future__ import annotations

import hashlib
import json

import cv2
import numpy as np
import pytest

from mmseg_gen.datasets import DUTSDataset
from mmseg_gen.datasets.scenes import write_duts_scenes
from mmseg_gen.errors import UserError
from mmseg_gen.generators.embedded.corpus import HELD_OUT_SEED
from mmseg_gen.generators.embedded.scenes import CLASSES, render_scene


def tree(root):
    files = [p for p in sorted(root.rglob('*')) if p.is_file()]
    return {str(p.relative_to(root)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def test_scenes_are_the_held_out_ones_with_their_masks(tmp_path):
    names = write_duts_scenes(tmp_path, 12)
    assert list(names.values()) == [CLASSES[i % len(CLASSES)] for i in range(12)]
    assert json.loads((tmp_path / 'DUTS-TE/classes.json').read_text()) == names
    for number, (stem, name) in enumerate(names.items()):
        scene = render_scene(HELD_OUT_SEED + number, 64, [name])
        image = cv2.imread(str(tmp_path / f'DUTS-TE/DUTS-TE-Image/{stem}.png'))[..., ::-1]
        mask = cv2.imread(str(tmp_path / f'DUTS-TE/DUTS-TE-Mask/{stem}.png'), cv2.IMREAD_UNCHANGED)
        assert np.array_equal(image, scene.image)
        assert np.array_equal(mask, np.where(scene.labels == 1 + CLASSES.index(name), 255, 0))


def test_the_duts_data_set_reads_them(tmp_path):
    write_duts_scenes(tmp_path, 3, split='TR', size=32)
    dataset = DUTSDataset(data_root=str(tmp_path), split='train', img_suffix='.png')
    assert len(dataset) == 3
    assert dataset.get_data_info(1)['img_path'].endswith('scene_000001.png')


def test_splits_share_no_scene(tmp_path):
    for split in ('TE', 'TR'):
        write_duts_scenes(tmp_path, 4, split=split, size=32)
    test, train = (set(tree(tmp_path / f'DUTS-{s}/DUTS-{s}-Image').values()) for s in ('TE', 'TR'))
    assert len(test) == len(train) == 4
    assert not test & train


def test_an_interrupted_run_goes_on_and_a_set_can_grow(tmp_path):
    write_duts_scenes(tmp_path / 'whole', 6, size=32)
    write_duts_scenes(tmp_path / 'set', 4, size=32)
    (tmp_path / 'set/DUTS-TE/DUTS-TE-Mask/scene_000002.png').unlink()
    untouched = tmp_path / 'set/DUTS-TE/DUTS-TE-Image/scene_000001.png'
    before = untouched.stat().st_mtime_ns
    write_duts_scenes(tmp_path / 'set', 6, size=32)
    assert tree(tmp_path / 'set') == tree(tmp_path / 'whole')
    assert untouched.stat().st_mtime_ns == before


def test_other_scenes_do_not_mix(tmp_path):
    write_duts_scenes(tmp_path, 3, size=32)
    before = tree(tmp_path)
    with pytest.raises(UserError, match='`size` 64, but it has 32'):
        write_duts_scenes(tmp_path, 3)
    with pytest.raises(UserError, match='same `classes`'):
        write_duts_scenes(tmp_path, 3, size=32, classes=['tree'])
    assert tree(tmp_path) == before


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (dict(count=0), 'count'),
        (dict(count=1, split='val'), 'split'),
        (dict(count=1, classes=[]), 'classes'),
        (dict(count=1, classes=['unicorn']), 'unicorn'),
    ],
)
def test_arguments_out_of_range_are_named(tmp_path, arguments, message):
    with pytest.raises(ValueError, match=message):
        write_duts_scenes(tmp_path, **arguments)
