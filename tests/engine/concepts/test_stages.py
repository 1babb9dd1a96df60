"""The labelling stages on a tiny model: outcomes, files, resuming to the same bytes, and what is refused."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from mmseg_gen.engine.concepts import preliminary as preliminary_stage
from mmseg_gen.engine.concepts.photos import list_photos
from mmseg_gen.engine.concepts.preliminary import label_maps, label_preliminary
from mmseg_gen.engine.concepts.refinement import label_refined, read_labels
from mmseg_gen.engine.concepts.settings import ConceptSettings
from mmseg_gen.errors import UserError
from mmseg_gen.functional.canvas import resize_map
from mmseg_gen.functional.gaussian_mixture import mixture_mask
from mmseg_gen.functional.inpainting import difference_map
from tests.tiny_models import tiny_parts

SIZES = [(20, 33), (17, 17), (40, 9), (16, 24), (31, 30)]


@pytest.fixture(scope='module')
def parts():
    return tiny_parts()


@pytest.fixture
def photos(tmp_path):
    rng = np.random.default_rng(0)
    root = tmp_path / 'photos'
    for i, size in enumerate(SIZES):
        path = root / ('deep' if i == 1 else '.') / f'p{i}.png'
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = rng.integers(0, 255, (*size, 3), np.uint8)
        pixels[size[0] // 4 : size[0] // 2, size[1] // 4 : size[1] // 2] = 250
        cv2.imwrite(str(path), pixels)
    return root


def settings_for(root, **changes):
    given = dict(
        photos=str(root),
        prompt='a photo of a cat',
        concepts=[['cat']],
        canvas=(16, 24),
        batch_size=2,
        evidence=dict(steps=4, max_steps=2, max_batch=4),
        labeller=dict(grid='canvas'),
        refine=dict(steps=2),
    )
    return ConceptSettings.from_dict({**given, **changes})


def tree(root: Path) -> dict[str, bytes]:
    return {str(p.relative_to(root)): p.read_bytes() for p in sorted(root.rglob('*')) if p.is_file()}


def both(photos, parts, folder, settings=None, listed=None):
    own = settings or settings_for(photos)
    listed = listed or list_photos(photos)
    first = label_preliminary(listed, own, folder / 'preliminary', parts)
    return first, label_refined(folder / 'preliminary', own, folder / 'refined', photos=listed, parts=parts)


def test_masks_have_the_size_of_their_photos_and_follow_from_what_is_stored(photos, parts, tmp_path):
    own = settings_for(photos)
    first, second = both(photos, parts, tmp_path)
    assert sorted(first) == ['deep/p1', 'p0', 'p2', 'p3', 'p4'] == sorted(second)
    seen = 0
    for name, record in first.items():
        image = cv2.imread(record.image)[..., ::-1]
        maps = np.load(record.path(tmp_path / 'preliminary', 'map'))
        grown = resize_map(maps[0].astype(np.float32), (16, 24))
        alone = mixture_mask(grown)
        assert record.outcome == alone.outcome
        np.testing.assert_array_equal(label_maps(maps, own, (16, 24)).labels > 0, alone.mask)
        if record.outcome != 'found':
            continue
        mask = read_labels(record.path(tmp_path / 'preliminary', 'mask'))
        indicator = resize_map(alone.mask.astype(np.float32), image.shape[:2])
        np.testing.assert_array_equal(mask, indicator > 0.5)
        background = cv2.imread(str(second[name].path(tmp_path / 'refined', 'background')))[..., ::-1]
        found = mixture_mask(difference_map(np.ascontiguousarray(image), np.ascontiguousarray(background)))
        if second[name].outcome == 'found':
            refined = read_labels(second[name].path(tmp_path / 'refined', 'mask'))
            np.testing.assert_array_equal(refined > 0, found.mask & (mask > 0))
            seen += 1
    assert seen


def test_a_run_that_was_killed_resumes_to_the_same_bytes(photos, parts, tmp_path, monkeypatch):
    both(photos, parts, tmp_path / 'whole')
    writes = {'left': 4}
    honest = preliminary_stage.write_file

    def killed(*args):
        writes['left'] -= 1
        if writes['left'] < 0:
            raise KeyboardInterrupt
        return honest(*args)

    for budget in (1, 4, 5):
        writes['left'] = budget
        monkeypatch.setattr(preliminary_stage, 'write_file', killed)
        with pytest.raises(KeyboardInterrupt):
            both(photos, parts, tmp_path / 'parts')
    monkeypatch.setattr(preliminary_stage, 'write_file', honest)
    part = next((tmp_path / 'parts' / 'preliminary' / '.work' / 'parts').iterdir())
    part.write_bytes(part.read_bytes()[:-7])
    both(photos, parts, tmp_path / 'parts')
    assert tree(tmp_path / 'parts') == tree(tmp_path / 'whole')
    manifest = tmp_path / 'parts' / 'preliminary' / 'manifest.jsonl'
    manifest.write_bytes(manifest.read_bytes()[:-7])
    both(photos, parts, tmp_path / 'parts')
    assert tree(tmp_path / 'parts') == tree(tmp_path / 'whole')
    # What is finished loads no model.
    own = settings_for(photos)
    label_preliminary(list_photos(photos), own, tmp_path / 'parts' / 'preliminary', parts=None)


def test_a_file_that_is_gone_is_made_again(photos, parts, tmp_path):
    both(photos, parts, tmp_path / 'a')
    before = tree(tmp_path / 'a')
    for name in ('preliminary/maps/p2.npy', 'refined/backgrounds/p0.png'):
        (tmp_path / 'a' / name).unlink()
    both(photos, parts, tmp_path / 'a')
    assert tree(tmp_path / 'a') == before


def test_every_photo_has_a_named_outcome(photos, parts, tmp_path, monkeypatch):
    (photos / 'broken.jpg').write_bytes(b'no image')
    cv2.imwrite(str(photos / 'small.png'), np.zeros((3, 3, 3), np.uint8))
    listed = list_photos(photos)
    fixed = {
        'p0': np.full((1, 8, 12), 0.5),
        'p2': np.pad(np.full((1, 4, 6), 0.5), ((0, 0), (2, 2), (3, 3)), constant_values=0.1),
        'p3': np.where(np.eye(8, 12, dtype=bool), 0.50001, 0.5)[None],
    }
    monkeypatch.setattr(
        preliminary_stage._Worker,
        'maps',
        lambda self, batch: np.stack([fixed.get(r.photo.name, fixed['p2']) for r in batch]).astype(np.float16),
    )
    own = settings_for(photos, labeller=dict(min_contrast=0.01, orphans=False))
    first, second = both(photos, parts, tmp_path / 'a', own, listed)
    outcomes = {name: record.outcome for name, record in first.items()}
    assert outcomes['broken'] == outcomes['small'] == 'unreadable'
    assert (outcomes['p0'], outcomes['p2'], outcomes['p3']) == ('no_object', 'found', 'no_object')
    assert 'not one that Pillow can read' in first['broken'].detail
    assert {n: r.outcome for n, r in second.items() if r.outcome != 'found'}.items() >= {
        'broken': 'unreadable',
        'small': 'unreadable',
        'p0': 'no_object',
    }.items()
    assert set(second) == set(first)


def test_a_photo_without_background_says_so(photos, parts, tmp_path, monkeypatch):
    nearly = np.full((1, 8, 12), 0.5)
    nearly[0, 0, :2] = 0.1
    monkeypatch.setattr(
        preliminary_stage._Worker, 'maps', lambda self, batch: np.stack([nearly] * len(batch)).astype(np.float16)
    )
    own = settings_for(photos, labeller=dict(orphans=False, grid='latents'), refine=dict(method='crop'))
    first, second = both(photos, parts, tmp_path, own)
    assert all('no_rectangle' in r.notes for r in first.values())
    assert {r.outcome for r in second.values()} <= {'found', 'no_rectangle', 'empty', 'constant', 'one_component'}


def test_odd_words_are_noted(photos, parts, tmp_path):
    own = settings_for(photos, prompt='a photo of a hippopotamus', concepts=[['hippopotamus']])
    records = label_preliminary(list_photos(photos)[:1], own, tmp_path, parts)
    pieces = len(parts.tokenizer('hippopotamus').input_ids) - 2
    expected = () if pieces == 1 else ('unknown_word',) if pieces >= 12 else ('several_tokens',)
    assert expected
    assert next(iter(records.values())).notes[:1] == expected


def test_two_concepts_make_one_label_map(photos, parts, tmp_path, monkeypatch):
    maps = np.full((2, 8, 12), 0.02)
    maps[0, 1:6, 1:5] = maps[1, 2:7, 7:11] = 0.2
    monkeypatch.setattr(
        preliminary_stage._Worker, 'maps', lambda self, batch: np.stack([maps] * len(batch)).astype(np.float16)
    )
    own = settings_for(photos, prompt='a photo of a cat and a dog', concepts=[['cat'], ['dog']])
    first, second = both(photos, parts, tmp_path, own)
    labels = read_labels(first['p3'].path(tmp_path / 'preliminary', 'mask'))
    grown = [mixture_mask(resize_map(m.astype(np.float16).astype(np.float32), (16, 24))).mask for m in maps]
    np.testing.assert_array_equal(labels, grown[0] + 2 * (grown[1] & ~grown[0]).astype(int))
    refined = second['p3']
    if refined.outcome == 'found':
        found = read_labels(refined.path(tmp_path / 'refined', 'mask'))
        assert ((found == labels) | (found == 0)).all()


def test_other_settings_and_missing_masks_are_refused(photos, parts, tmp_path):
    both(photos, parts, tmp_path)
    listed, own = list_photos(photos), settings_for(photos)
    first, second = tmp_path / 'preliminary', tmp_path / 'refined'
    longer = settings_for(photos, evidence=dict(steps=4, max_steps=3, max_batch=4))
    with pytest.raises(UserError, match=r'evidence\.max_steps'):
        label_preliminary(listed, longer, first, parts)
    finer = settings_for(photos, refine=dict(steps=3))
    with pytest.raises(UserError, match=r'refine\.steps'):
        label_refined(first, finer, second, photos=listed, parts=parts)
    with pytest.raises(UserError, match='has none'):
        label_refined(tmp_path / 'nowhere', own, tmp_path / 'r', photos=listed, parts=parts)
    with pytest.raises(UserError, match='multiples'):
        label_preliminary(listed, settings_for(photos, canvas=(15, 24)), tmp_path / 'b', parts)
    with pytest.raises(UserError, match="'dog'"):
        label_preliminary(listed, settings_for(photos, concepts=[['dog']]), tmp_path / 'c', parts)


@pytest.mark.parametrize(
    ('changes', 'match'),
    [
        (dict(concepts=['bird']), 'concepts'),
        (dict(classes=['a', 'b']), 'classes'),
        (dict(batch_size=0), 'batch_size'),
        (dict(evidence=dict(t0=3)), r'concept\.evidence'),
        (dict(labeller=dict(type='Other')), 'labeller'),
        (dict(labeller=dict(grid='fine')), 'grid'),
        (dict(refine=dict(method='guess')), 'method'),
        (dict(refine=dict(steps=0)), 'steps'),
        (dict(synthesis=dict(num_samples=-1)), 'num_samples'),
        (dict(unknown=1), 'unknown'),
    ],
)
def test_wrong_settings_are_named(tmp_path, changes, match):
    with pytest.raises(UserError, match=match):
        settings_for(tmp_path, **changes)


def test_photos_need_a_folder_and_different_names(tmp_path):
    with pytest.raises(UserError, match='no such folder'):
        list_photos(tmp_path / 'none')
    for suffix in ('png', 'jpg'):
        cv2.imwrite(str(tmp_path / f'a.{suffix}'), np.zeros((9, 9, 3), np.uint8))
    with pytest.raises(UserError, match='different names'):
        list_photos(tmp_path)


def test_photos_of_a_data_set_are_named_by_their_place(photos):
    config = dict(type='FolderDataset', data_root=str(photos), data_prefix=dict(img_path=''), with_masks=False)
    assert [p.name for p in list_photos(config)] == ['deep/p1', 'p0', 'p2', 'p3', 'p4']
