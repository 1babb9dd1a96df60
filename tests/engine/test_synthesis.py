"""The contract of the generated data set: same samples whoever makes them, same bytes whatever interrupts."""

from __future__ import annotations

import importlib
import json
import multiprocessing
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pytest

from mmseg_gen.engine.synthesis import Worker, synthesize
from mmseg_gen.errors import UserError
from mmseg_gen.functional.evidence import Evidence
from mmseg_gen.functional.manifest import read_manifest
from tests.engine.fake_synthesis import BrightLabel, EmptyLabel, FakeGenerator, fake_config, run_fake, tree


@pytest.fixture(autouse=True)
def _no_waiting_for_the_disk(monkeypatch):
    monkeypatch.setattr(os, 'fsync', lambda handle: None)


def rewrite(path, change):
    path.write_bytes(change(path.read_bytes()))


def test_killed_at_any_instant_a_run_resumes_to_the_same_bytes(tmp_path, repository):
    script = Path(__file__).with_name('fake_synthesis.py')
    environment = {**os.environ, 'PYTHONPATH': str(repository)}
    command = [sys.executable, str(script), str(tmp_path)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert int(done.stdout.splitlines()[-1]) > 60


def test_files_and_manifest_say_what_was_made(tmp_path):
    report = run_fake(tmp_path / 'set')
    assert (report.kept, report.dropped, report.made) == (7, {}, 7)
    entries = read_manifest(tmp_path / 'set')
    assert [e.index for e in entries] == list(range(7))
    assert [e.class_name for e in entries[:4]] == ['dog', 'cat', 'fire engine', 'dog']
    assert entries[2].name == '000002_fire-engine'
    assert entries[2].prompt == 'a photo of a fire engine'
    for entry in entries:
        image, mask = (
            cv2.imread(str(tmp_path / 'set' / entry.files[kind][0]), cv2.IMREAD_UNCHANGED) for kind in ('image', 'mask')
        )
        assert np.array_equal(mask, np.where(image.min(-1) >= 100, 255, 0))
        assert entry.measures['area'] == pytest.approx((mask == 255).mean(), abs=1e-6)
        assert entry.measures['energy'] == 1.5
        stored = Evidence.load(tmp_path / 'set' / entry.files['evidence'][0])
        assert entry.measures['uncertainty'] == pytest.approx(stored.seed_map.mean(), abs=1e-6)
    assert sorted(p.name for p in (tmp_path / 'set').iterdir() if not p.name.startswith('.')) == [
        'evidence', 'images', 'manifest.jsonl', 'masks', 'meta.json',
    ]  # fmt: skip


def test_the_image_is_stored_as_rgb(tmp_path):
    run_fake(tmp_path / 'set', num_samples=1)
    entry = read_manifest(tmp_path / 'set')[0]

    class Sample:
        index, seed = 0, entry.seed

    pair = FakeGenerator()._pair(Sample, 0)
    stored = cv2.cvtColor(cv2.imread(str(tmp_path / 'set' / entry.files['image'][0])), cv2.COLOR_BGR2RGB)
    assert np.array_equal(stored, pair.image)


def test_two_processes_make_the_samples_of_one(tmp_path):
    run_fake(tmp_path / 'one')
    generators = [FakeGenerator(seconds=0.01), FakeGenerator(seconds=0.01)]
    with ThreadPoolExecutor(2) as pool:
        runs = [pool.submit(run_fake, tmp_path / 'two', r, 2, g, num_samples=30) for r, g in enumerate(generators)]
    run_fake(tmp_path / 'one', num_samples=30)
    assert tree(tmp_path / 'one') == tree(tmp_path / 'two')
    assert sum(run.result().made for run in runs) == 30
    assert min(run.result().made for run in runs) > 0
    assert sorted(index for g in generators for batch in g.batches for index in batch) == list(range(30))


def test_shards_of_an_earlier_version_are_merged(tmp_path):
    run_fake(tmp_path / 'set')
    lines = (tmp_path / 'set/manifest.jsonl').read_text().splitlines(keepends=True)
    (tmp_path / 'set/manifest.0.jsonl').write_text(''.join(lines[:2] + lines[5:]))
    (tmp_path / 'set/manifest.1.jsonl').write_text(''.join(lines[2:5]))
    (tmp_path / 'set/manifest.jsonl').unlink()
    assert run_fake(tmp_path / 'set').made == 0
    assert (tmp_path / 'set/manifest.jsonl').read_text() == ''.join(lines)


def test_batches_do_not_depend_on_where_a_run_was_interrupted(tmp_path):
    run_fake(tmp_path / 'set')
    (tmp_path / 'set/images/000003_dog.png').unlink()
    generator = FakeGenerator()
    synthesize(fake_config(), tmp_path / 'set', generator=generator, labeller=BrightLabel())
    assert generator.batches == [[2, 3, 4]]


def test_seeds_do_not_depend_on_the_batch_size(tmp_path):
    run_fake(tmp_path / 'a')
    run_fake(tmp_path / 'b', batch_size=1, first_batch=1)
    assert [e.seed for e in read_manifest(tmp_path / 'a')] == [e.seed for e in read_manifest(tmp_path / 'b')]


@pytest.mark.parametrize(
    'damage',
    [
        lambda root: (root / 'masks/000001_cat.png').write_bytes(b''),
        lambda root: (root / 'evidence/000006_dog.npz').write_bytes(b'PK'),
        lambda root: (root / 'images/000000_dog.png').unlink(),
        lambda root: rewrite(root / 'manifest.jsonl', lambda text: text[:-30]),
        lambda root: rewrite(root / 'manifest.jsonl', lambda text: text[:-1]),
        lambda root: rewrite(root / 'manifest.jsonl', lambda text: b'\xff\x00{]\n' + text),
        lambda root: rewrite(root / 'manifest.jsonl', lambda text: text.replace(b'cat', b'bat', 1)),
        lambda root: (root / 'manifest.jsonl').unlink(),
        lambda root: (root / 'images/000000_dog.png').rename(root / 'images/.partial-000000_dog.png'),
    ],
    ids=['empty mask', 'half evidence', 'no image', 'half line', 'no newline', 'garbage line', 'changed line',
         'no manifest', 'leftover'],
)  # fmt: skip
def test_damage_is_mended(tmp_path, damage):
    run_fake(tmp_path / 'whole')
    run_fake(tmp_path / 'set')
    damage(tmp_path / 'set')
    run_fake(tmp_path / 'set')
    assert tree(tmp_path / 'set') == tree(tmp_path / 'whole')


def test_a_finished_set_is_left_alone_and_needs_no_generator(tmp_path):
    run_fake(tmp_path / 'set')
    before = {p: p.stat().st_mtime_ns for p in (tmp_path / 'set').rglob('*') if p.is_file()}
    report = synthesize(fake_config(), tmp_path / 'set')
    assert report.made == 0
    assert {p: p.stat().st_mtime_ns for p in before} == before


def test_a_set_can_grow(tmp_path):
    run_fake(tmp_path / 'whole')
    run_fake(tmp_path / 'set', num_samples=5)
    assert run_fake(tmp_path / 'set').made == 2
    assert tree(tmp_path / 'set') == tree(tmp_path / 'whole')


@pytest.mark.parametrize(
    ('change', 'key'),
    [
        ({'guidance': 3.0}, r'synthesis\.guidance` = 7\.5'),
        ({'seed': 6}, r'synthesis\.seed` = 5'),
        ({'classes': ['dog']}, r'synthesis\.classes'),
        ({'evidence': {'tau': 0.25}}, r'synthesis\.evidence\.tau` = 0\.5'),
        ({'labeller': {'type': 'AttentionCutLabel', 'lam': 0.2}}, r'synthesis\.labeller\.lam` = None'),
    ],
)
def test_other_settings_are_refused_by_name(tmp_path, change, key):
    run_fake(tmp_path / 'set')
    before = tree(tmp_path / 'set')
    with pytest.raises(UserError, match=key):
        run_fake(tmp_path / 'set', **change)
    assert tree(tmp_path / 'set') == before


def test_other_weights_are_refused(tmp_path):
    run_fake(tmp_path / 'set', num_samples=3)
    with pytest.raises(UserError, match=r"synthesis\.weights` = 'w0'"):
        synthesize(fake_config(), tmp_path / 'set', generator=FakeGenerator(weights='w1'), labeller=BrightLabel())


def test_the_first_batch_is_small(tmp_path):
    generator = FakeGenerator()
    synthesize(fake_config(), tmp_path / 'set', generator=generator, labeller=BrightLabel())
    assert generator.batches == [[0, 1], [2, 3, 4], [5, 6]]


def test_a_sample_that_cannot_be_made_is_dropped_alone(tmp_path):
    generator = FakeGenerator(bad=[3])
    report = synthesize(fake_config(), tmp_path / 'set', generator=generator, labeller=BrightLabel())
    reason = 'failed: Expected `cross` to be finite, but got 3 NaN or infinite values.'
    assert (report.kept, report.dropped) == (6, {reason: 1})
    assert read_manifest(tmp_path / 'set')[3].files == {}


def test_a_run_whose_first_samples_all_fail_stops_at_once(tmp_path):
    generator = FakeGenerator(bad=range(7))
    with pytest.raises(UserError, match=r'first 2 samples to succeed.*NaN'):
        synthesize(fake_config(), tmp_path / 'set', generator=generator, labeller=BrightLabel())
    assert read_manifest(tmp_path / 'set') == []
    assert run_fake(tmp_path / 'set', guidance=2.0).kept == 7


def test_empty_masks_are_dropped_and_counted(tmp_path):
    with pytest.raises(UserError, match='all 7 were dropped: empty mask'):
        synthesize(fake_config(), tmp_path / 'set', generator=FakeGenerator(), labeller=EmptyLabel())
    assert {e.status for e in read_manifest(tmp_path / 'set')} == {'dropped'}


def test_a_labeller_without_a_mask_of_0_and_1_is_dropped(tmp_path):
    class Loud(BrightLabel):
        def __call__(self, results):
            results = super().__call__(results)
            return {**results, 'gt_seg_map': results['gt_seg_map'] * np.uint8(255)}

    with pytest.raises(UserError, match=r'in \{0, 1\}'):
        synthesize(fake_config(), tmp_path / 'set', generator=FakeGenerator(), labeller=Loud())


def test_the_folder_must_be_writable(tmp_path):
    (tmp_path / 'file').write_text('')
    with pytest.raises(UserError, match=r'to be a folder, but .*file is a file'):
        run_fake(tmp_path / 'file')
    with pytest.raises(UserError, match=r'to be a folder, but .*file is a file'):
        run_fake(tmp_path / 'file' / 'set')


def test_without_resume_a_folder_with_samples_is_refused(tmp_path):
    run_fake(tmp_path / 'set')
    with pytest.raises(UserError, match='to have no samples, but got 7'):
        synthesize(fake_config(), tmp_path / 'set', resume=False, generator=FakeGenerator(), labeller=BrightLabel())


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        ({'classes': []}, 'classes` to hold texts, at least one'),
        ({'classes': ['dog', '']}, 'classes` to hold texts'),
        ({'template': 'a photo of a dog'}, '{class}'),
        ({'num_samples': 0}, 'num_samples` to be an integer >= 1'),
        ({'samples': 3}, 'keys from .* but got samples'),
        ({'filter': {'min_area': 0.5, 'max_area': 0.2}}, 'min_area < max_area'),
        ({'labeller': {}}, 'labeller` with a `type`'),
    ],
)
def test_wrong_settings_are_named(tmp_path, change, message):
    with pytest.raises(ValueError, match=message):
        run_fake(tmp_path / 'set', **change)
    assert not (tmp_path / 'set').exists()


def test_a_config_without_synthesis_is_refused(tmp_path):
    with pytest.raises(UserError, match='key `synthesis`'):
        synthesize({}, tmp_path)


def test_without_any_folder_there_is_nowhere_to_write():
    with pytest.raises(UserError, match='--work-dir'):
        synthesize(fake_config())


def test_the_config_is_left_as_it_is(tmp_path):
    config = fake_config(filter={'min_area': 0.01}, evidence={'tau': 0.4})
    before = json.dumps(config)
    synthesize(config, tmp_path / 'set', generator=FakeGenerator(), labeller=BrightLabel())
    assert json.dumps(config) == before


def test_worker_processes_give_the_same_bytes_and_end(tmp_path, monkeypatch):
    # Under a name of its own, which the worker can import too.
    monkeypatch.syspath_prepend(Path(__file__).parent)
    labeller = importlib.import_module('fake_synthesis').BrightLabel()
    run_fake(tmp_path / 'one')
    synthesize(fake_config(workers=1), tmp_path / 'two', generator=FakeGenerator(), labeller=labeller)
    assert tree(tmp_path / 'one') == tree(tmp_path / 'two')
    assert multiprocessing.active_children() == []


def test_ranks_outside_the_world_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r'`rank` in \[0, 2\)'):
        Worker(2, 2)
