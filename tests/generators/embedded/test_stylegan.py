from __future__ import annotations

import argparse
import hashlib

import pytest
import torch

from mmseg_gen.generators.embedded.cat_factors import GROUPS, NAMES, RANGES
from mmseg_gen.generators.embedded.cats import render_cats
from mmseg_gen.generators.embedded.gan_masks import exact_masks, exact_parts
from mmseg_gen.generators.embedded.stylegan import (
    CONFIG,
    RegionTraining,
    build_embedded_stylegan2,
    draw_styles,
    factor_styles,
    logit_loss,
    mapping_loss,
    style_factors,
    synthesis_loss,
)
from mmseg_gen.generators.embedded.stylegan_recipe import export_stylegan2, train_embedded_stylegan2
from mmseg_gen.generators.embedded.training import LoopSettings, TrainingLoop
from mmseg_gen.generators.gan_encoding import load_encoder
from mmseg_gen.generators.stylegan2 import load_stylegan2, mix_styles


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_styles_and_factors_are_one_another():
    factors = torch.rand(3, len(NAMES), generator=generator())
    styles = factor_styles(factors)[:, None].expand(-1, CONFIG.num_layers, -1)
    torch.testing.assert_close(style_factors(styles), factors)
    # Uniform factors have styles of mean 0 and deviation 1.
    drawn = factor_styles(torch.rand(20000, 1, generator=generator()))
    assert abs(float(drawn.mean())) < 0.02
    assert float(drawn.std()) == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize('cutoff', [0, *list(GROUPS.values())[1:], CONFIG.num_layers])
def test_mixed_styles_have_each_group_of_one_image(cutoff):
    factors = torch.rand(2, len(NAMES), generator=generator())
    styles = factor_styles(factors)[:, None].expand(-1, CONFIG.num_layers, -1)
    found = style_factors(mix_styles(styles[:1], styles[1:], cutoff))[0]
    wanted = [factors[0 if GROUPS[g] < cutoff else 1, NAMES.index(n)] for g, names in RANGES.items() for n in names]
    torch.testing.assert_close(found, torch.stack(wanted))


def test_training_draws_one_style_for_each_group():
    styles = draw_styles(4, generator())
    assert styles.shape == (4, CONFIG.num_layers, len(NAMES))
    ends = [*list(GROUPS.values())[1:], CONFIG.num_layers]
    for first, end in zip(GROUPS.values(), ends, strict=True):
        assert torch.equal(styles[:, first:end], styles[:, first : first + 1].expand(-1, end - first, -1))
    assert len(styles[0].unique(dim=0)) == len(GROUPS)


def test_masks_are_the_renderers():
    styles = draw_styles(3, generator())
    parts = exact_parts(styles)
    assert torch.equal(parts, render_cats(style_factors(styles))[1])
    assert torch.equal(exact_masks(styles), (parts > 0).to(torch.uint8))
    with pytest.raises(ValueError, match='`styles` of shape'):
        exact_masks(styles[:, :4])


def _falls(module, loss, steps, folder) -> bool:
    """Return whether the loss of the same draws is lower after a short training."""
    with torch.no_grad():
        before = float(loss(generator(7)))
    TrainingLoop(module, loss, folder, LoopSettings(steps, 5e-3, warmup=2)).run()
    with torch.no_grad():
        return float(loss(generator(7))) < 0.9 * before


def test_short_runs_of_the_stages_learn(tmp_path):
    torch.manual_seed(0)
    model = build_embedded_stylegan2()
    assert _falls(model.mapping, mapping_loss(model.mapping, 64), 60, tmp_path / 'mapping')
    structure = RegionTraining(model.synthesis, 5, 32)
    assert _falls(structure, logit_loss(structure, 2), 8, tmp_path / 'structure')
    assert _falls(model.synthesis, synthesis_loss(model, 2), 8, tmp_path / 'synthesis')


def test_layers_before_the_first_get_no_gradient():
    model = build_embedded_stylegan2()
    synthesis_loss(model, 2, first=7)(generator()).backward()
    trained = {name for name, p in model.synthesis.named_parameters() if p.grad is not None and p.grad.any()}
    assert {name.split('.')[1] for name in trained if name.startswith('convs')} == {'7', '8'}
    assert {name.split('.')[1] for name in trained if name.startswith('to_rgbs')} == {'3', '4'}
    assert 'constant' not in trained


@pytest.fixture(scope='module')
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp('stylegan2')
    steps = dict(mapping_steps=2, structure_steps=1, region_steps=1, color_steps=1, synthesis_steps=2, encoder_steps=1)
    stages = ['mapping', 'structure', 'regions', 'color', 'synthesis', 'encoder']
    args = argparse.Namespace(
        work_dir=folder, stages=stages, **steps, minutes=None, batch=1, device='cpu', compile=False
    )
    return args, *train_embedded_stylegan2(args)


def test_the_recipe_runs_through_and_resumes_to_the_same(trained):
    args, model, encoder = trained
    again, _ = train_embedded_stylegan2(args)
    for key, value in model.state_dict().items():
        assert torch.equal(again.state_dict()[key], value), key
    loaded = load_stylegan2(args.work_dir / 'model.safetensors')
    styles = draw_styles(2, generator())
    torch.testing.assert_close(loaded.synthesis(styles), model.synthesis(styles))
    assert load_encoder(args.work_dir / 'encoder.safetensors').config == encoder.config
    assert (args.work_dir / 'samples.png').is_file()


def test_export_is_float16_with_right_checksums(trained, tmp_path):
    export_stylegan2(trained[1], trained[2], tmp_path)
    lines = [line.split('  ') for line in (tmp_path / 'SHA256SUMS').read_text().splitlines()]
    assert sorted(name for _, name in lines) == ['encoder.safetensors', 'model.safetensors']
    for digest, name in lines:
        assert hashlib.sha256((tmp_path / name).read_bytes()).hexdigest() == digest
    styles = draw_styles(2, generator())
    half = load_stylegan2(tmp_path / 'model.safetensors').synthesis(styles)
    assert (half - trained[1].synthesis(styles)).abs().max() < 0.1
