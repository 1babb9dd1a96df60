"""Rows, documents, resumption and rendering, on a table of made-up scores."""

import importlib.util
import json
import re
from pathlib import Path

import numpy as np
import pytest

from mmseg_gen.errors import UserError
from mmseg_gen.functional.bootstrap import bootstrap_mean_interval
from mmseg_gen.tables import catalogue
from mmseg_gen.tables.context import Context, slug
from mmseg_gen.tables.contract import Paper, Scores
from mmseg_gen.tables.provenance import weights_digest
from mmseg_gen.tables.rendering import render_results
from mmseg_gen.tables.results import paired_difference, read_document
from mmseg_gen.tables.running import run_table
from mmseg_gen.tables.scoring import mask_scores
from tests.tables import fake_table

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def folders(tmp_path):
    fake_table.CALLS.clear()
    return dict(out=tmp_path / 'docs' / 'results', work_dir=tmp_path / 'work')


def run_fake(folders, quick=False):
    return run_table('fake_tab1', quick=quick, table=fake_table, **folders)


def test_the_document_has_the_form_that_was_agreed(folders):
    content = json.loads(run_fake(folders).read_text())
    assert content['table'] == 'fake_tab1'
    assert content['command'] == 'python tools/reproduce.py fake_tab1'
    assert content['n'] == 40
    assert content['seconds'] >= 0
    assert [row['name'] for row in content['rows']] == ['bad', 'good', 'same']
    for row in content['rows']:
        for measured in row['metrics'].values():
            low, high = measured['ci95']
            assert low <= measured['mean'] <= high
    assert len(content['made_with']['weights_sha256']) == 64
    assert 'torch' in content['made_with']['versions']
    assert set(content['conventions']) == {'iou', 'iou_pooled'}


def test_numbers_are_those_of_the_scores(folders):
    rows = {row['name']: row['metrics'] for row in read_document(run_fake(folders))['rows']}
    expected = fake_table.scores(40, 0.2)
    counts = expected.ratios['iou_pooled']
    assert rows['good']['iou']['mean'] == pytest.approx(expected.means['iou'].mean(), abs=1e-4)
    assert rows['good']['iou']['ci95'] == pytest.approx(bootstrap_mean_interval(expected.means['iou']), abs=1e-4)
    assert rows['good']['iou_pooled']['mean'] == pytest.approx(counts[..., 0].sum() / counts[..., 1].sum(), abs=1e-4)


def test_claims_become_paired_differences_with_a_verdict(folders):
    holds, reverse, open_ = read_document(run_fake(folders))['differences']
    assert (holds['mean'], holds['ci95'], holds['verdict']) == (pytest.approx(0.2), pytest.approx([0.2, 0.2]), 'holds')
    assert reverse['mean'] == pytest.approx(-0.2, abs=1e-4)
    assert reverse['verdict'] == 'reversed'
    assert (open_['ci95'], open_['verdict']) == ([0, 0], 'open')


def test_an_interrupted_table_goes_on_where_it_stopped(folders, monkeypatch):
    real = fake_table.scores
    monkeypatch.setattr(fake_table, 'scores', lambda n, shift: 1 / 0 if shift else real(n, shift))
    with pytest.raises(ZeroDivisionError):
        run_fake(folders)
    assert not (folders['out'] / 'fake_tab1.json').exists()
    monkeypatch.setattr(fake_table, 'scores', real)
    first = run_fake(folders).read_text()
    assert fake_table.CALLS == ['bad', 'good', 'good', 'same']
    assert run_fake(folders).read_text() == first
    assert len(fake_table.CALLS) == 4


def test_quick_has_rows_of_its_own_and_never_replaces_a_full_result(folders):
    quick = read_document(run_fake(folders, quick=True))
    assert (quick['n'], quick['quick']) == (12, True)
    assert quick['command'].endswith('--quick')
    assert read_document(run_fake(folders))['n'] == 40
    with pytest.raises(UserError, match='full run'):
        run_fake(folders, quick=True)


def test_rows_of_other_weights_or_settings_are_not_read(tmp_path):
    calls = []

    def compute():
        calls.append(1)
        return Scores({'iou': np.ones(3)})

    for weights in ('a' * 64, 'b' * 64):
        for steps in (1, 2, 1):
            Context('t_tab1', tmp_path, weights).row('x', {'steps': steps}, compute)
    assert len(calls) == 4


def test_a_row_reads_back_as_it_was_written(tmp_path):
    context, scores = Context('t_tab1', tmp_path, 'a' * 64), fake_table.scores(5, 0.1)
    made = context.row('x/y (z)', {}, lambda: scores)
    read = context.row('x/y (z)', {}, lambda: pytest.fail('computed again'))
    assert (read.name, read.seconds) == (made.name, made.seconds)
    np.testing.assert_array_equal(read.scores.means['iou'], scores.means['iou'])
    np.testing.assert_array_equal(read.scores.ratios['iou_pooled'], scores.ratios['iou_pooled'])


def test_pooled_differences_are_paired():
    one = fake_table.scores(30, 0.0)
    two = Scores({}, {'iou_pooled': one.ratios['iou_pooled'] + [5, 0]})
    found = paired_difference(two, one, 'iou_pooled')
    rng, counts = np.random.default_rng(0), one.ratios['iou_pooled'][:, 0]
    drawn = [counts[rng.integers(0, 30, 30)].sum(0) for _ in range(3000)]
    expected = np.quantile([5 * 30 / union for _, union in drawn], [0.025, 0.975])
    np.testing.assert_allclose(found['ci95'], expected, atol=0.002)


def test_scores_equal_counts_by_hand():
    rng = np.random.default_rng(0)
    predictions, truths = rng.random((2, 3, 5, 7)) > 0.5
    found = mask_scores(list(predictions), list(truths))
    both, either = (predictions & truths).sum((1, 2)), (predictions | truths).sum((1, 2))
    np.testing.assert_allclose(found.means['iou'], both / either)
    np.testing.assert_allclose(found.means['acc'], (predictions == truths).mean((1, 2)))
    np.testing.assert_array_equal(found.ratios['iou_pooled'][:, 0], np.stack([both, either], -1))


def test_the_page_shows_ours_beside_the_papers_and_says_what_was_not_run(folders):
    run_fake(folders)
    text = render_results(folders['out']).read_text()
    assert 'Nothing on this page was run on real weights' in text
    assert re.search(r'\| good \| 0\.\d{3} \[0\.\d{3}, 0\.\d{3}\] \| [^|]+ \| 0\.9 \|  \|', text)
    assert '| unseen |  |  | 0.1 | 0.2 |' in text
    assert '| bad | good | iou_pooled |' in text
    assert '**reversed**' in text
    widths = {line.count('|') for line in text.split('Claimed')[0].splitlines() if line.startswith('|')}
    assert widths == {6}


def test_bad_documents_and_names_are_refused(folders, tmp_path):
    with pytest.raises(UserError, match='there are none'):
        render_results(tmp_path)
    (tmp_path / 'x.json').write_text('{"table": 1}')
    with pytest.raises(UserError, match='it lacks title'):
        render_results(tmp_path)
    (tmp_path / 'x.json').write_text('{')
    with pytest.raises(UserError, match=r'x\.json to be a table'):
        render_results(tmp_path)
    with pytest.raises(UserError, match='name of a table from'):
        catalogue.load_table('diffusionseg_tab99')


@pytest.mark.parametrize(
    ('means', 'ratios'),
    [({}, {}), ({'a': [1.0]}, {'a': [[[1, 2]]]}), ({'a': [np.nan]}, {}), ({'a': [1.0], 'b': [1.0, 2]}, {}),
     ({'a': [1.0]}, {'b': [[1, 2]]}), ({'a': []}, {})],
)  # fmt: skip
def test_scores_that_do_not_fit_are_refused(means, ratios):
    with pytest.raises(ValueError, match='Expected'):
        Scores(means, ratios)


def test_every_table_keeps_the_contract():
    names = catalogue.table_names()
    assert {f'diffusionseg_{n}' for n in ('tab3', 'fig6', 'tab4', 'tab5', 'tab6', 'tab7')} <= set(names)
    for name in names:
        table = catalogue.load_table(name)
        assert table.TITLE
        assert table.NOTE
        assert isinstance(table.PAPER, Paper)
        assert callable(table.run)


def test_the_digest_depends_on_names_and_contents(tmp_path):
    digests = []
    for name, text in (('a', 'x'), ('b', 'x'), ('b', 'y')):
        folder = tmp_path / str(len(digests))
        folder.mkdir()
        (folder / name).write_text(text)
        digests.append(weights_digest(folder))
    assert len(set(digests)) == 3
    with pytest.raises(FileNotFoundError):
        weights_digest(tmp_path / 'none')


def test_slugs_are_file_names():
    assert slug('A_c / r: (x)') == 'A_c_r_x'
    assert slug('///') == 'row'


def test_the_tool_lists_refuses_and_renders(folders, capsys):
    spec = importlib.util.spec_from_file_location('tool_reproduce', ROOT / 'tools' / 'reproduce.py')
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    assert tool.main(['--list']) == 0
    assert 'diffusionseg_tab5' in capsys.readouterr().out
    assert tool.main(['nothing_tab1']) == 2
    assert capsys.readouterr().err.startswith('reproduce.py: error: Expected the name of a table')
    assert tool.main([]) == 2
    run_fake(folders)
    assert tool.main(['--render', '--out', str(folders['out'])]) == 0
    assert (folders['out'].parent / 'results.md').is_file()
