"""Real tables at tiny size on the embedded weights, and the search for their settings."""

import json

import numpy as np
import pytest

from mmseg_gen.errors import UserError
from mmseg_gen.functional.attention_cut import attention_cut
from mmseg_gen.functional.baselines import crf_mask
from mmseg_gen.functional.crf import CrfSettings
from mmseg_gen.functional.cut_settings import CutSettings
from mmseg_gen.functional.evidence import Evidence
from mmseg_gen.generators.embedded.corpus import HELD_OUT_SEED
from mmseg_gen.generators.embedded.scenes import CLASSES, render_scene
from mmseg_gen.tables import evidence as evidence_module
from mmseg_gen.tables import training_free
from mmseg_gen.tables.catalogue import load_table
from mmseg_gen.tables.context import Context
from mmseg_gen.tables.evidence import Inversion, class_positions, invert, scene_evidence
from mmseg_gen.tables.scenes import TUNING_SEED, labelled_scenes
from mmseg_gen.tables.training_free import HeldOut, committed_rows, embedded_parts, predict, starting_settings
from mmseg_gen.tables.tuning import choose, tune_rows
from tests.references.simulated_evidence import simulate

FAST = Inversion(steps=2, top_k=2)


class Tiny(Context):
    def choose(self, full, quick):
        return 3


def test_scenes_are_held_out_and_those_to_choose_on_are_others():
    judged, chosen_on = labelled_scenes(12), labelled_scenes(2, first_seed=TUNING_SEED)
    assert [s.class_name for s in judged] == [CLASSES[i % len(CLASSES)] for i in range(12)]
    scene = render_scene(HELD_OUT_SEED + 11, names=[judged[11].class_name])
    np.testing.assert_array_equal(judged[11].mask, scene.labels > 0)
    assert not np.array_equal(judged[0].image, chosen_on[0].image)


def test_predict_calls_each_method_with_its_settings():
    evidence, image, _ = simulate(0)
    np.testing.assert_array_equal(
        predict('attention_cut', {'lam': 2.0}, evidence, image),
        attention_cut(evidence, image, CutSettings(lam=2.0)).mask,
    )
    expected = crf_mask(evidence, image, cut=CutSettings(bias=-0.5), crf=CrfSettings(position_sigma=9.0))
    np.testing.assert_array_equal(predict('crf', {'bias': -0.5, 'position_sigma': 9.0}, evidence, image), expected)
    for method in ('kmeans', 'ncut', 'threshold'):
        assert predict(method, {'top_k': 1}, evidence, image).shape == image.shape[:2]
    with pytest.raises(UserError, match='method from'):
        predict('watershed', {}, evidence, image)


def test_rows_start_from_the_choice_of_others():
    rows = {
        'a': dict(fixed=dict(x=1, y=1)),
        'b': dict(start='a', fixed=dict(y=2)),
        'c': dict(start='b', fixed=dict(z=3)),
    }
    assert starting_settings(rows, {}, 'c') == dict(x=1, y=2, z=3)
    assert starting_settings(rows, {'b': dict(x=9, y=8)}, 'c') == dict(x=9, y=8, z=3)


def test_committed_rows_have_only_the_terms_that_their_names_say():
    rows = {name: CutSettings(**s) for name, (method, s) in committed_rows().items() if method == 'attention_cut'}
    assert (rows['1: A_c'].lambda_phi, rows['1: A_c'].lam) == (0, 0)
    assert (rows['2: r'].lambda_cross, rows['2: r'].lam) == (0, 0)
    assert rows['3: A_c, r'].lam == 0 < rows['3: A_c, r'].lambda_phi
    assert rows['4: A_c, r, D'].lambda_self == 0 < rows['4: A_c, r, D'].lam
    assert rows['5: A_c, r, A_s'].lambda_psi == 0 < rows['5: A_c, r, A_s'].lam
    full = rows['AttentionCut']
    assert min(full.lambda_cross, full.lambda_phi, full.lambda_self, full.lambda_psi, full.lam) > 0
    assert full.color_rounds == 0 < rows['AttentionCut + colours (ours)'].color_rounds
    assert rows['AttentionCut + solver'].refinement == 'bilateral'


def test_choose_finds_the_settings_that_score_best_and_tune_rows_writes_them(tmp_path):
    made = [simulate(seed) for seed in range(4)]
    evidence = [e for e, _, _ in made]
    samples = [evidence_module.LabelledImage(image, 'x', mask) for _, image, mask in made]
    grid = {'threshold': [0.05, 0.5, 0.95]}
    best = choose('threshold', {'top_k': 1, 'threshold': 0.95}, grid, evidence, samples, rounds=1)
    scores = []
    for value in grid['threshold']:
        masks = [predict('threshold', {'top_k': 1, 'threshold': value}, e, i) for e, i, _ in made]
        pairs = zip(masks, (m for _, _, m in made), strict=True)
        scores.append(np.mean([(p & m).sum() / (p | m).sum() for p, m in pairs]))
    assert best.settings['threshold'] == grid['threshold'][int(np.argmax(scores))]
    assert best.iou == pytest.approx(max(scores))

    from mmengine.config import Config

    rows = dict(
        a=dict(method='threshold', fixed=dict(top_k=1), search=['threshold']),
        b=dict(method='threshold', start='a', fixed=dict(top_k=2), search=['threshold']),
    )
    config, path = Config(dict(rows=rows, grid=grid)), tmp_path / 'chosen.json'
    chosen = tune_rows(config, evidence, samples, path, rounds=1)
    stored = json.loads(path.read_text())
    assert stored['chosen'] == chosen
    assert chosen['a'] == best.settings
    assert chosen['b']['top_k'] == 2
    assert stored['tuning_iou']['a'] == pytest.approx(best.iou, abs=1e-4)


def test_without_a_class_the_end_token_stands_in_its_place(embedded_weights):
    parts = embedded_parts()
    assert class_positions(parts, 'a photo of a', '') == class_positions(parts, 'a photo of a dog', 'dog')[:1]
    ids = parts.tokenizer('a photo of a').input_ids
    assert ids[class_positions(parts, 'a photo of a', '')[0]] == parts.tokenizer.eos_token_id


def test_evidence_is_kept_and_read_back(embedded_weights, tmp_path, monkeypatch):
    context, scenes = Context('t_tab1', tmp_path, 'a' * 64), labelled_scenes(3)
    ways = [FAST, Inversion(steps=2, top_k=2, num_seeds=1)]
    first = scene_evidence(context, embedded_parts(), scenes, HELD_OUT_SEED, ways)
    direct = invert(embedded_parts(), scenes, ways)
    for kept, made in zip(first, direct, strict=True):
        for one, two in zip(kept, made, strict=True):
            np.testing.assert_allclose(one.cross, two.stored().cross, atol=1e-6)
            np.testing.assert_array_equal(one.seed_map, two.stored().seed_map)
    assert not np.array_equal(first[0][0].seed_map, first[1][0].seed_map)
    monkeypatch.setattr(evidence_module, 'invert', lambda *args: pytest.fail('inverted again'))
    again = scene_evidence(context, None, scenes, HELD_OUT_SEED, ways)
    assert all(isinstance(e, Evidence) for e in again[0])
    with pytest.raises(ValueError, match='one label'):
        invert(embedded_parts(), scenes, [FAST, Inversion(label='none', steps=2)])
    with pytest.raises(ValueError, match='`label`'):
        Inversion(label='gpt')


def test_a_real_table_at_tiny_size_gives_rows_that_resume(embedded_weights, tmp_path, monkeypatch):
    monkeypatch.setattr(training_free, 'committed_inversion', lambda label='clip': Inversion(label, steps=2))
    context, table = Tiny('diffusionseg_tab6', tmp_path, 'a' * 64), load_table('diffusionseg_tab6')
    rows = table.run(context)
    assert [row.name for row in rows] == list(table.ROWS)
    assert {claim.better for claim in table.CLAIMS} | {claim.worse for claim in table.CLAIMS} <= set(table.ROWS)
    samples, found = labelled_scenes(3), HeldOut(context, 3)
    method, settings = committed_rows()['AttentionCut']
    for i, sample in enumerate(samples):
        mask = predict(method, settings, found.evidence[i], sample.image)
        expected = (mask & sample.mask).sum() / (mask | sample.mask).sum()
        assert rows[5].scores.means['iou'][i] == pytest.approx(expected)
    monkeypatch.setattr(training_free, 'predict', lambda *args: pytest.fail('computed again'))
    assert [r.seconds for r in table.run(context)] == [r.seconds for r in rows]
