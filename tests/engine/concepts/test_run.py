"""A run's stages: their order, what each needs, and resuming; the heavy work is replaced."""

from __future__ import annotations

from pathlib import Path

import pytest
from mmengine.config import Config

from mmseg_gen.engine.concepts import run as pipeline
from mmseg_gen.engine.concepts.run import STAGES, ConceptRun, run_stages
from mmseg_gen.engine.concepts.segmentor import training_config
from mmseg_gen.errors import UserError
from mmseg_gen.functional.photo_records import PhotoRecord, outcome_counts

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def calls(monkeypatch):
    """Replace what works; each call notes its stage."""
    made = []

    def note(name, outcome='found'):
        def work(*args, **kwargs):
            made.append(name)
            return {'a': PhotoRecord('a', 'a', outcome)}

        return work

    monkeypatch.setattr(pipeline, 'list_photos', lambda source: [])
    for name in ('label_preliminary', 'label_refined'):
        monkeypatch.setattr(pipeline, name, note(name))
    monkeypatch.setattr('mmseg_gen.engine.distillation.distill', note('distill'))
    monkeypatch.setattr('mmseg_gen.engine.concepts.painting.paint_set', note('paint_set'))
    monkeypatch.setattr(pipeline, 'train_segmentor', note('train_segmentor'))
    return made


def concept_run(root, **changes):
    concept = dict(photos='p', **changes)
    return ConceptRun.of(Config(dict(concept=concept, work_dir=str(root), model=dict(type='ConceptDistiller'))))


def test_stages_run_in_their_order_whatever_was_asked(calls, tmp_path):
    run = concept_run(tmp_path, synthesis=dict(num_samples=3), test=dict(photos='t'))
    (tmp_path / 'distilled' / 'generator').mkdir(parents=True)
    run_stages(run, STAGES[::-1])
    assert calls == ['label_preliminary', 'distill', 'label_refined', 'paint_set', 'label_preliminary', 'label_refined']


def test_stages_that_the_config_leaves_out_do_nothing(calls, tmp_path):
    run = ConceptRun.of(Config(dict(concept=dict(photos='p'), work_dir=str(tmp_path))))
    assert run.generator is None
    run_stages(run)
    assert calls == ['label_preliminary', 'label_refined']


def test_a_stage_asks_for_the_one_before(calls, tmp_path):
    run = concept_run(tmp_path, synthesis=dict(num_samples=3), segmentor=str(ROOT / 'configs/embedded_concept_unet.py'))
    for stage, missing in (('refined', 'distill'), ('synthetic', 'distill'), ('segmentors', 'refined')):
        with pytest.raises(UserError, match=f'stage `{missing}` first'):
            run_stages(run, [stage])


def test_both_segmentors_are_trained_where_images_are_made(calls, tmp_path):
    (tmp_path / 'refined').mkdir()
    (tmp_path / 'refined' / 'manifest.jsonl').write_text('')
    segmentor = str(ROOT / 'configs/embedded_concept_unet.py')
    assert set(pipeline.trained_segmentors(concept_run(tmp_path, segmentor=segmentor))) == {'unet_ds'}
    both = concept_run(tmp_path, segmentor=segmentor, synthesis=dict(num_samples=3))
    assert list(pipeline.trained_segmentors(both)) == ['unet_ds', 'unet_ds_dds']


def test_unknown_stages_results_in_the_way_and_wrong_configs_are_refused(calls, tmp_path):
    run = concept_run(tmp_path / 'a')
    with pytest.raises(UserError, match='paint'):
        run_stages(run, ['paint'])
    with pytest.raises(UserError, match='none'):
        run_stages(run, [])
    run.preliminary.mkdir(parents=True)
    run_stages(run, ['preliminary'], resume=False)
    (run.preliminary / 'manifest.jsonl').touch()
    with pytest.raises(UserError, match='--resume'):
        run_stages(run, resume=False)
    with pytest.raises(UserError, match=r'`concept = dict\(\.\.\.\)` and `work_dir`'):
        ConceptRun.of(Config(dict(work_dir='w', concept=3)))
    with pytest.raises(UserError, match=r'concept\.segmentor'):
        concept_run(tmp_path, segmentor='nowhere.py').segmentor_config()


def test_what_the_last_stages_need_is_looked_for_before_the_first(calls, tmp_path, monkeypatch):
    with pytest.raises(UserError, match=r'`concept\.segmentor` to be a config .* there is no nowhere\.py'):
        run_stages(concept_run(tmp_path / 'a', segmentor='nowhere.py'))
    monkeypatch.undo()
    with pytest.raises(UserError, match='nowhere, but there is no such folder'):
        run_stages(concept_run(tmp_path / 'a', test=dict(photos=str(tmp_path / 'nowhere'))))
    assert calls == []
    assert not (tmp_path / 'a').exists()


def test_a_run_in_which_no_photo_has_a_mask_stops_with_the_outcomes(calls, tmp_path, monkeypatch):
    nothing = {'a': PhotoRecord('a', 'a', 'no_object'), 'b': PhotoRecord('b', 'b', 'unreadable')}
    monkeypatch.setattr(pipeline, 'label_preliminary', lambda *args: nothing)
    with pytest.raises(UserError, match='1 no_object, 1 unreadable'):
        run_stages(concept_run(tmp_path), ['preliminary'])
    assert outcome_counts(nothing.values()) == {'no_object': 1, 'unreadable': 1}


def test_the_segmentor_learns_from_the_masks_with_its_own_pipeline(tmp_path):
    run = concept_run(tmp_path, segmentor=str(ROOT / 'configs/embedded_concept_unet.py'), concepts=[['cat']])
    config = run.segmentor_config()
    own = training_config(config, run.settings, tmp_path / 'unet', run.refined, run.synthetic)
    sets = own.train_dataloader.dataset.datasets
    assert [s.type for s in sets] == ['LabelledPhotosDataset', 'SyntheticDataset']
    assert all(s.pipeline == config.train_dataloader.dataset.pipeline for s in sets)
    assert sets[0].classes == ['background', 'foreground']
    alone = training_config(config, run.settings, tmp_path / 'unet', run.refined, None)
    assert alone.train_dataloader.dataset.type == 'LabelledPhotosDataset'
    assert 'work_dir' not in config


@pytest.mark.parametrize('path', sorted((ROOT / 'configs').glob('*fobadiffusion*.py')), ids=lambda path: path.stem)
def test_every_config_describes_a_run(path):
    run = ConceptRun.of(Config.fromfile(path))
    assert run.settings.names[0] == 'background'
    assert run.fine_tuned == ('pairs' not in path.stem)
    run.segmentor_config()


@pytest.mark.parametrize(
    ('section', 'match'),
    [
        (dict(evidence=3), 'Expected `concept.evidence` to be a dict, but got 3'),
        (dict(labeller=3), 'Expected `concept.labeller` to be a dict, but got 3'),
        (dict(refine=dict(stepz=3)), 'Expected `concept.refine` with keys from .*, but got stepz'),
        (dict(photo='a'), 'Expected `concept` with keys from .*, but got photo'),
    ],
)
def test_sections_of_other_kinds_and_unknown_keys_are_named(tmp_path, section, match):
    with pytest.raises(UserError, match=match):
        concept_run(tmp_path, **section)
