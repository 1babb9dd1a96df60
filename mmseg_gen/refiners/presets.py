"""Settings of refiners by name: what the command line and the Python call offer without a config."""

from __future__ import annotations

from typing import Any

# G4Seg's own (Sec. 4.1); the weights of the injection are DenseDiffusion's, without its time weight, which would turn
# the injection off at t = 400.
PAPER = {
    'type': 'G4Seg',
    'update': 'mix',
    'timestep': 400,
    'beta': 0.8,
    'features': {'type': 'ClipValues'},
    'band': {'low': 0.2, 'high': 0.6, 'max_distance': 40},
}
# Ours, chosen on scenes of the embedded world (`tools/tune_refinement.py`); see docs/refinement.md.
GRADIENT = {
    'type': 'G4Seg',
    'update': 'gradient',
    'timestep': 600,
    'samples': 2,
    'injection': {'cross_weight': 0.0, 'self_weight': 0.6, 'negative_branch': True},
    'gradient': {'steps': 8, 'step': 0.5, 'gate': 0.17},
    'band': {'low': 0.0, 'high': 1.0, 'max_distance': None},
    'normalization': 'complement',
}
PRESETS: dict[str, dict[str, Any]] = {
    'g4seg': PAPER,
    'g4seg-gradient': GRADIENT,
    'dense-crf': {'type': 'DenseCRF'},
    'bilateral-solver': {'type': 'BilateralSolver'},
    'guided-filter': {'type': 'GuidedFilter'},
    'color-cut': {'type': 'ColorCut'},
    'pamr': {'type': 'PAMR'},
    'cascade-psp': {'type': 'CascadePSP'},
}


def preset(name: str, **changes: Any) -> dict[str, Any]:
    """Return the config of a refiner by name, with changes for those that have a generator.

    Args:
        name: A key of ``PRESETS``.
        **changes: Settings such as ``generator`` and ``device``; only G4Seg takes them.

    Raises:
        ValueError: There is no such name.
    """
    if name not in PRESETS:
        raise ValueError(f'Expected `refiner` from {", ".join(PRESETS)}, or a config, but got {name!r}.')
    config = dict(PRESETS[name])
    return {**config, **changes} if config['type'] == 'G4Seg' else config
