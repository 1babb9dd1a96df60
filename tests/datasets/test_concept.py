from __future__ import annotations

import pickle

import cv2
import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, default_collate

from mmseg_gen.datasets import ConceptDataset, DrawSampler
from mmseg_gen.datasets.concept import SAMPLE_OUTCOMES
from mmseg_gen.errors import UserError
from mmseg_gen.registry import DATASETS
from tests.engine.concept_run import SIZES, write_preliminary

RECTANGLE, FULL = SAMPLE_OUTCOMES.index('rectangle'), SAMPLE_OUTCOMES.index('full_image')


@pytest.fixture
def folder(tmp_path):
    write_preliminary(tmp_path)
    return tmp_path


def dataset(folder, **settings) -> ConceptDataset:
    defaults = dict(canvas=(16, 32), cell=2)
    return ConceptDataset(str(folder / 'preliminary'), str(folder), **defaults | settings)


def test_samples_have_the_shapes_and_ranges_that_are_promised(folder):
    built = DATASETS.build(
        dict(type='ConceptDataset', preliminary=str(folder / 'preliminary'), photos_root=str(folder), canvas=(16, 32),
             cell=2)
    )  # fmt: skip
    batch = default_collate([built[i] for i in range(12)])
    assert batch['inputs'].shape == (12, 3, 16, 32)
    assert batch['inputs'].dtype == torch.float32
    assert -1 <= batch['inputs'].min() < -0.5
    assert 0.5 < batch['inputs'].max() <= 1
    assert batch['masks'].shape == (12, 1, 8, 16)
    assert set(batch['masks'].unique().tolist()) == {0.0, 1.0}
    assert batch['seeds'].dtype == torch.int64
    assert len(set(batch['seeds'].tolist())) == 12


def test_every_photo_comes_once_before_any_comes_again(folder):
    data = dataset(folder)
    orders = [[data.photo_of(turn * 5 + i).name for i in range(5)] for turn in range(6)]
    assert all(sorted(order) == [f'p{i}' for i in range(len(SIZES))] for order in orders)
    assert len({tuple(order) for order in orders}) > 1


def test_a_sample_depends_on_seed_and_number_alone(folder):
    first, copy = dataset(folder), pickle.loads(pickle.dumps(dataset(folder)))
    for number in (13, 2, 7, 13):
        ours, theirs = first[number], copy[number]
        assert all(torch.equal(torch.as_tensor(ours[k]), torch.as_tensor(theirs[k])) for k in ours)
    other = dataset(folder, seed=1)
    assert any(not torch.equal(first[i]['inputs'], other[i]['inputs']) for i in range(5))


@pytest.mark.parametrize('share', [0.0, 0.5, 1.0])
def test_kinds_have_their_share(folder, share):
    kinds = [dataset(folder, background_share=share)[i]['kinds'] for i in range(200)]
    # Three standard deviations of a binomial variable.
    assert abs(np.mean(kinds) - share) <= 3 * (share * (1 - share) / 200) ** 0.5


def test_a_background_never_touches_the_object(folder):
    """The object is the upper left quarter of each photo, whose cells are known without the code under test."""
    data = dataset(folder, background_share=1.0, flip=0.0)
    for number in range(40):
        sample = data[number]
        assert sample['kinds'] == 1
        mask = sample['masks'][0]
        assert mask.sum() > 0
        # Strictly inside the object's quarter of the canvas, whatever the photo's parity.
        assert mask[:3, :7].sum() == 0
        if sample['outcomes'] == RECTANGLE:
            rows, columns = (np.flatnonzero(mask.any(axis)) for axis in (1, 0))
            box = (rows[-1] - rows[0] + 1) * (columns[-1] - columns[0] + 1)
            # At most a quarter of the grid, at least two thirds of it background: the authors' rule.
            assert box <= 0.25 * mask.numel()
            assert mask.sum() >= box * 2 / 3


def test_a_full_image_counts_everywhere(folder):
    data = dataset(folder, background_share=0.0)
    assert all(data[i]['masks'].min() == 1 and data[i]['outcomes'] == FULL for i in range(10))


def test_a_full_stretched_image_is_opencvs(folder):
    data = dataset(folder, background_share=0.0, flip=0.0, canvas=(8, 8))
    photo = cv2.imread(str(data.photo_of(0).image))[..., ::-1]
    expected = cv2.resize(photo, (8, 8), interpolation=cv2.INTER_AREA)
    assert np.array_equal(((data[0]['inputs'] + 1) * 127.5).round().numpy().transpose(1, 2, 0), expected)


def test_a_photo_that_is_all_object_is_a_full_image_and_counted(tmp_path):
    write_preliminary(tmp_path, sizes=[(20, 20)])
    cv2.imwrite(str(tmp_path / 'preliminary' / 'masks' / 'p0.png'), np.ones((20, 20), np.uint8))
    sample = dataset(tmp_path, background_share=1.0)[0]
    assert SAMPLE_OUTCOMES[sample['outcomes']] == 'no_background'
    assert sample['kinds'] == 0
    assert sample['masks'].min() == 1


def test_where_no_rectangle_fits_the_whole_background_serves(folder):
    sample = dataset(folder, background_share=1.0, rectangle=dict(min_area=0.249, max_area=0.25, tries=1))[0]
    assert SAMPLE_OUTCOMES[sample['outcomes']] == 'whole_background'
    assert sample['kinds'] == 1
    assert sample['masks'].mean() > 0.5


def test_colours_of_a_mask_all_mean_object(tmp_path):
    """A PNG with a palette whose label 1 is green."""
    write_preliminary(tmp_path, sizes=[(16, 16)])
    green = np.zeros((16, 16, 3), np.uint8)
    green[:, :8, 1] = 255
    cv2.imwrite(str(tmp_path / 'preliminary' / 'masks' / 'p0.png'), green)
    data = dataset(tmp_path, background_share=1.0, flip=0.0, canvas=(16, 16))
    assert all(data[i]['masks'][0, :, :4].sum() == 0 for i in range(5))


def test_photos_without_a_mask_do_not_train_and_are_counted(tmp_path):
    write_preliminary(tmp_path, outcomes=['found', 'empty', 'full', 'found', 'constant'])
    data = dataset(tmp_path)
    assert data.outcomes == {'constant': 1, 'empty': 1, 'found': 2, 'full': 1}
    assert len(data) == 2
    assert {data.photo_of(i).name for i in range(10)} == {'p0', 'p3'}


def test_errors_name_what_is_wrong(tmp_path, folder):
    for settings, text in (
        (dict(background_share=1.5), r'`background_share` in \[0, 1\], but got 1.5'),
        (dict(canvas=(16, 31)), r'`canvas` of two multiples of `cell` 2, but got \(16, 31\)'),
        (dict(fit='pad'), '`fit` from stretch, crop'),
        (dict(flip=-1), '`flip`'),
        (dict(rectangle=dict(tries=0)), '`tries`'),
    ):
        with pytest.raises(ValueError, match=text):
            dataset(folder, **settings)
    (folder / 'preliminary' / 'masks' / 'p1.png').unlink()
    with pytest.raises(UserError, match=r'a mask for each photo .* 1 of 5 are missing'):
        dataset(folder)
    (folder / 'photos' / 'p1.png').unlink()
    with pytest.raises(UserError, match=r'the photos of .* 1 of 5 are missing'):
        dataset(folder)
    none = tmp_path / 'none'
    write_preliminary(none, sizes=[(16, 16)], outcomes=['constant'])
    with pytest.raises(UserError, match=r"at least one photo with a preliminary mask in .*\{'constant': 1\}"):
        dataset(none)


def test_two_processes_share_the_numbers_of_one(folder, monkeypatch):
    data = dataset(folder)

    def numbers(rank: int, world: int, batch: int) -> list[list[int]]:
        monkeypatch.setattr('mmseg_gen.datasets.draw_sampler.get_dist_info', lambda: (rank, world))
        sampler = iter(DrawSampler(data, seed=3))
        return [[next(sampler) for _ in range(batch)] for _ in range(4)]

    both = [sorted(a + b) for a, b in zip(numbers(0, 2, 3), numbers(1, 2, 3), strict=True)]
    assert both == numbers(0, 1, 6) == [list(range(i, i + 6)) for i in (0, 6, 12, 18)]


def test_workers_do_not_change_the_samples(folder):
    data = dataset(folder)
    seeds = []
    for workers in (0, 2):
        loader = iter(DataLoader(data, batch_size=3, sampler=DrawSampler(data), num_workers=workers))
        seeds.append([next(loader)['seeds'].tolist() for _ in range(4)])
    assert seeds[0] == seeds[1]
