"""AttentionCut's options, one changed at a time from the settings for the embedded models: ours, not the paper's."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

from mmseg_gen.functional.cut_settings import EMBEDDED_CUT
from mmseg_gen.tables.context import Context
from mmseg_gen.tables.contract import Claim, Paper, Row
from mmseg_gen.tables.evidence import scene_evidence
from mmseg_gen.tables.training_free import HELD_OUT_SEED, HeldOut, committed_inversion, embedded_parts

TITLE = 'Options of AttentionCut'
DEFAULT = 'default'
# What the cut does with the evidence, and how the evidence is taken.
CUT: dict[str, dict[str, Any]] = {
    "grid of the cut: the attention's": {'grid': 'attention'},
    'neighbours: 4': {'neighborhood': 4},
    'layers: 2': {'top_k': 2},
    'layers: all 10': {'top_k': 10},
    'calibration: mixture': {'calibration': 'mixture'},
    'calibration: border': {'calibration': 'border'},
    'colour scale: half': {'color_scale': EMBEDDED_CUT.color_scale / 2},
    'colour scale: double': {'color_scale': EMBEDDED_CUT.color_scale * 2},
    'colours: RGB': {'color_space': 'rgb'},
    'no colour model': {'color_rounds': 0},
    'holes filled': {'fill_holes': True},
    'semantic coherence: 1': {'lambda_self': 1.0},
    'no clean-up': {'min_component': 0.0, 'min_objectness': 0.0, 'fill_holes': False},
    'bilateral solver': {'refinement': 'bilateral', 'bilateral_spatial': 4.0, 'bilateral_lam': 32.0},
}
EVIDENCE: dict[str, dict[str, Any]] = {
    'tau: 0.3': {'tau': 0.3},
    'tau: 0.7': {'tau': 0.7},
    'seeds: 4': {'num_seeds': 4},
    'seeds: 64': {'num_seeds': 64},
}
PAPER = Paper(source='none: the paper leaves these open', columns=(), rows={})
CLAIMS = [Claim(DEFAULT, name) for name in (*CUT, *EVIDENCE)]
NOTE = (
    'One setting at a time is changed from the default for the embedded models (EMBEDDED_CUT), on images inverted '
    "under CLIP's label; nothing else is tuned again. A default 'holds' where it beats the change."
)


def run(context: Context) -> list[Row]:
    """Return the default and one row per change."""
    usual = committed_inversion()
    ways = {name: replace(usual, **change) for name, change in EVIDENCE.items()}
    scenes = HeldOut(context, context.choose(200, 60), usual)
    # One inversion serves all ways to read it out.
    scene_evidence(context, embedded_parts(), scenes.samples, HELD_OUT_SEED, [usual, *ways.values()])
    settings = asdict(EMBEDDED_CUT)
    rows = [scenes.row(DEFAULT, 'attention_cut', settings)]
    rows += [scenes.row(name, 'attention_cut', {**settings, **change}) for name, change in CUT.items()]
    for name, way in ways.items():
        rows.append(HeldOut(context, len(scenes.samples), way).row(name, 'attention_cut', settings))
    return rows
