"""The tables of style mixing, at tiny size, on an untrained network."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from PIL import Image

from mmseg_gen.engine.seeding import sample_rng
from mmseg_gen.functional.manifest import Entry, entry_to_line
from mmseg_gen.functional.style_stack import StyleStack
from mmseg_gen.functional.writing import encode_png
from mmseg_gen.generators.embedded.gan_masks import exact_masks
from mmseg_gen.generators.embedded.stylegan import build_embedded_stylegan2
from mmseg_gen.generators.style_mixing import style_stack
from mmseg_gen.tables import style_mixing, style_training, style_tuning, stylemix_tab3, stylemix_tab4
from mmseg_gen.tables.context import Context
from mmseg_gen.tables.results import document
from mmseg_gen.tables.style_mixing import (
    StyleImages,
    StyleSetting,
    committed_setting,
    drawn_images,
    label,
    style_scores,
    trimap_scores,
    variations,
)
from mmseg_gen.tables.style_tuning import as_setting, tune

pytestmark = pytest.mark.filterwarnings('ignore::UserWarning')


@pytest.fixture(scope='module')
def model():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return build_embedded_stylegan2().eval().requires_grad_(False)


@pytest.fixture
def context(tmp_path, model, monkeypatch):
    for module in (style_mixing, style_training):
        monkeypatch.setattr(module, 'load_stylegan2', lambda name: model)
    return Context('t_tab1', tmp_path, 'a' * 64, quick=True)


def random_masks(count=4, size=(7, 9)):
    rng = np.random.default_rng(0)
    return [rng.random(size) < 0.4 for _ in range(count)], [rng.random(size) < 0.5 for _ in range(count)]


def ious(mask, truth, where):
    pairs = [(mask, truth), (~mask, ~truth)]
    return [(int((m & t & where).sum()), int(((m | t) & where).sum())) for m, t in pairs]


def test_scores_equal_counting():
    masks, truths = random_masks()
    found = style_scores([*masks[:3], None], truths)
    for i in range(4):
        mask = masks[i] if i < 3 else np.zeros_like(masks[0])
        (fg, fg_union), (bg, bg_union) = ious(mask, truths[i], np.ones_like(mask))
        assert found.means['iou'][i] == pytest.approx(fg / fg_union)
        assert found.means['iou_bg'][i] == pytest.approx(bg / bg_union)
        assert found.means['miou'][i] == pytest.approx((fg / fg_union + bg / bg_union) / 2)
    assert found.means['found'].tolist() == [1, 1, 1, 0]
    total = found.ratios['miou_found'].sum(0)[0]
    assert total[0] / total[1] == pytest.approx(found.means['miou'][:3].mean())


def test_trimap_scores_equal_counting_in_the_band():
    masks, truths = random_masks(size=(12, 14))
    truths = [np.zeros((12, 14), bool) for _ in truths]
    for i, truth in enumerate(truths):
        truth[2 : 9 + i % 2, 3:11] = True
    found = trimap_scores(masks, truths, width=2)
    y, x = np.mgrid[:12, :14]
    counts = {'miou_pooled': np.zeros((2, 2)), 'trimap_miou': np.zeros((2, 2))}
    for mask, truth in zip(masks, truths, strict=True):
        band = np.zeros_like(truth)
        for row in range(12):
            for column in range(14):
                other = truth != truth[row, column]
                band[row, column] = (((y - row) ** 2 + (x - column) ** 2)[other]).min() <= 4
        for name, where in (('miou_pooled', np.ones_like(truth)), ('trimap_miou', band)):
            counts[name] += np.array(ious(mask, truth, where))[::-1]
    for name, total in counts.items():
        ratio = found.ratios[name].sum(0)
        assert np.array_equal(ratio, total)


def test_images_are_those_of_their_seeds(model):
    images = drawn_images(model, 3, 40, 0.7)
    again = drawn_images(model, 2, 41, 0.7)
    for one, other in zip(images[1:], again, strict=True):
        assert one.seed == other.seed
        assert np.array_equal(one.image, other.image)
        assert np.array_equal(one.mask, exact_masks(other.styles)[0].numpy() > 0)
    stacks = [variations(model, drawn, 4, 0.7, 3).images for drawn in (images[1], again[0], images[2])]
    assert np.array_equal(stacks[0], stacks[1])
    assert not np.array_equal(stacks[0], stacks[2])


def test_images_without_decision_have_no_mask():
    image = np.zeros((6, 8, 3), np.uint8)
    plain = StyleStack(np.zeros((4, 6, 8, 3), np.uint8))
    assert label(plain, image, StyleSetting(4, 4, {'clusters': 2})) is None
    halves = np.zeros((4, 6, 8, 3), np.uint8)
    halves[:, :, 4:] = 200
    assert label(StyleStack(halves), image, StyleSetting(4, 4, dict(clusters=2, saliency_threshold=1.0))) is None
    found = label(StyleStack(halves), image, StyleSetting(4, 4, dict(clusters=2, foreground='corner')))
    assert found is None


def test_a_search_never_ends_worse_than_it_began(model, monkeypatch):
    def few(model, drawn, cutoff, truncation):
        return style_stack(model, drawn.styles, cutoff=cutoff, count=3)

    monkeypatch.setattr(style_tuning, 'variations', few)
    seen = {}
    grid = {'cutoff': [2, 4], 'deviation': [0.2]}
    best = tune(model, 2, grid, start={'clusters': 2}, rounds=1, tell=seen.__setitem__)
    assert list(seen) == ['cutoff', 'deviation']
    assert seen['cutoff'][best.cutoff] == max(seen['cutoff'].values())
    assert best.labelling['clusters'] == 2
    start, _ = committed_setting()
    made = as_setting({'cutoff': 3, 'clusters': 5, 'deviation': 0.1}, start)
    assert made == StyleSetting(3, start.count, {'clusters': 5, 'parts': (((0.5, 0.5, 0.1, 0.1),),)})


def test_the_table_has_all_rows_on_the_same_images_and_is_made_once(context, monkeypatch):
    monkeypatch.setattr(Context, 'choose', lambda self, full, quick: 2)
    monkeypatch.setattr(stylemix_tab4, 'CUTOFFS', (8,))
    monkeypatch.setattr(stylemix_tab4, 'CLUSTERS', (2, 4))
    monkeypatch.setattr(stylemix_tab4, 'CLAIMS', [])
    monkeypatch.setattr(style_mixing, 'COUNT', 4)
    rows = stylemix_tab4.run(context)
    assert len(rows) == 2 * 2 + 1 + 2 + 4
    made = document('t_tab1', stylemix_tab4, rows, quick=True, made_with={})
    assert made['n'] == 2
    monkeypatch.setattr(StyleImages, '_scores', lambda *args: pytest.fail('computed again'))
    assert [row.name for row in stylemix_tab4.run(context)] == [row.name for row in rows]


def test_claims_name_rows_of_the_table():
    table = stylemix_tab4
    rows = {f'{s}, c={c}, k={k}' for s in table.SPACES for c in table.CUTOFFS for k in table.CLUSTERS}
    rows |= {table.CHOSEN, *table.RULES, *(f'n={n}' for n in table.COUNTS)}
    for claim in stylemix_tab4.CLAIMS:
        assert {claim.better, claim.worse} <= rows
    for claim in stylemix_tab3.CLAIMS:
        assert {claim.better, claim.worse} <= set(stylemix_tab3.ROWS)


def test_exact_masks_are_those_of_the_kept_samples(context, tmp_path, model):
    root = tmp_path / 'set'
    (root / 'images').mkdir(parents=True)
    lines = []
    for i, status in enumerate(('kept', 'dropped', 'kept')):
        (root / 'images' / f's{i}.png').write_bytes(encode_png(np.full((64, 64, 3), i, np.uint8)))
        lines.append(
            entry_to_line(
                Entry(i, f's{i}', 'cat', 'p', 100 + i, status=status, files={'image': (f'images/s{i}.png', 1)})
            )
        )
    (root / 'manifest.jsonl').write_text(''.join(lines))
    made = style_training.exact_set(root, 2)
    assert sorted(p.name for p in (made / 'images').iterdir()) == ['s0.png', 's2.png']
    for name, seed in (('s0', 100), ('s2', 102)):
        z = sample_rng(seed, 'content').standard_normal((1, model.config.latent_dim), dtype=np.float32)
        styles = model.styles(torch.from_numpy(z), committed_setting()[1])
        assert np.array_equal(np.asarray(Image.open(made / f'masks/{name}.png')), 255 * exact_masks(styles)[0].numpy())


def test_a_segmentor_is_trained_once(context, monkeypatch):
    arguments = (context, 'embedded_stylemix.py', 'photographs', 4, 1, 2)
    masks = style_training.predictions(*arguments)
    assert [mask.shape for mask in masks] == [(64, 64)] * 2
    assert [mask.dtype for mask in masks] == [bool] * 2
    monkeypatch.setattr(style_training, '_train', lambda *args: pytest.fail('trained again'))
    assert np.array_equal(style_training.predictions(*arguments), masks)
    assert json.dumps(len(style_training.held_out_masks(2))) == '2'
