# Rows of the G4Seg tables. `fixed` is what makes a row what it is; the names in `search` are chosen on scenes that
# nothing else is measured on, the same way for every row:
#   python tools/tune_refinement.py
# writes what it chose to chosen_refinements.json. A search begins with the choice of the row named `start`; rows with
# `exact` choose only among values that cost as many masks of 0.97 to 1 no more than 0.1 points.
_base_ = ['../_base_/default_runtime.py', './chosen_refinements.json']

tuning = dict(scenes=40, rounds=1)
coarse = dict(
    kinds=['eroded', 'dilated', 'holes', 'shifted', 'low_resolution'],
    iou=[0.4, 0.8],  # each mask's own, drawn evenly
    soften=3.0,
)

# 40 pixels of 512 are 5 of 64.
paper = {'type': 'G4Seg', 'update': 'mix', 'timestep': 400, 'beta': 0.8, 'band.max_distance': 5.0}
no_filter = {'band.low': 0.0, 'band.high': 1.0, 'band.max_distance': None}
stacked = dict(
    type='Stacked',
    side=32,
    extractors=[dict(type='Colors'), dict(type='DiffusionMaps', timestep=100)],
    weights=[1.0, 1.0],
)
rows = {
    'baseline': dict(),
    'EMI': dict(fixed={**paper, **no_filter, 'matching.window': 1}),
    'SCA without EMI': dict(fixed={**paper, **no_filter, 'injection': False}),
    'EMI + SCA': dict(fixed={**paper, **no_filter}),
    'EMI + SCA + CF [0.2, 0.6]': dict(fixed=paper),
    'EMI + SCA + CF [0.1, 0.7]': dict(fixed={**paper, 'band.low': 0.1, 'band.high': 0.7}),
    'null-text inversion': dict(
        fixed={**paper, 'null_text.steps': 10, 'null_text.inner_steps': 5, 'null_text.guidance': 3.0}
    ),
    'mix, tuned': dict(
        fixed={
            **paper,
            'matching.neighbors': 4,
            'matching.exclude_self': True,
            'features': stacked,
            'grid': 32,
            'normalization': 'complement',
            'iterations': 1,
        },
        search=[
            'beta',
            'timestep',
            'band.low',
            'band.high',
            'band.max_distance',
            'matching.neighbors',
            'matching.window',
        ],
    ),
    'gradient (ours)': dict(
        fixed={
            'type': 'G4Seg',
            'update': 'gradient',
            'timestep': 600,
            'samples': 2,
            **no_filter,
            'injection.negative_branch': True,
            'gradient.steps': 8,
            'gradient.step': 0.5,
            'gradient.gate': None,
            'normalization': 'complement',
        },
        search=['timestep', 'injection.self_weight', 'injection.cross_weight', 'gradient.step'],
    ),
    'gradient, gated (ours)': dict(
        start='gradient (ours)', fixed={'gradient.gate': 0.05}, search=['gradient.gate'], exact=True
    ),
    'DenseCRF': dict(
        fixed=dict(type='DenseCRF', position_sigma=10.0, color_sigma=13.0, smooth_sigma=1.0),
        search=['position_sigma', 'color_sigma', 'smooth_sigma', 'color_weight', 'smooth_weight'],
    ),
    'bilateral solver': dict(
        fixed=dict(type='BilateralSolver', sigma_spatial=4.0, lam=32.0),
        search=['sigma_spatial', 'sigma_luma', 'sigma_chroma', 'lam', 'confidence'],
    ),
    'guided filter': dict(fixed=dict(type='GuidedFilter', radius=4, epsilon=1e-3), search=['radius', 'epsilon']),
    'PAMR': dict(fixed=dict(type='PAMR', dilations=(1, 2, 4)), search=['dilations', 'iterations']),
    'colour cut (ours)': dict(
        fixed=dict(type='ColorCut', smoothness=5.0), search=['smoothness', 'color_scale', 'color_weight', 'rounds']
    ),
    'gradient + DenseCRF (ours)': dict(chain=['gradient (ours)', 'DenseCRF']),
    'gradient + colour cut (ours)': dict(chain=['gradient (ours)', 'colour cut (ours)']),
    'mix + DenseCRF': dict(chain=['mix, tuned', 'DenseCRF']),
}
grid = {
    'beta': [0.0, 0.5, 0.8],
    'timestep': [100, 200, 400, 600, 800],
    'band.low': [0.0, 0.1, 0.2],
    'band.high': [0.6, 0.7, 1.0],
    'band.max_distance': [3.0, 5.0, 8.0],
    'matching.neighbors': [1, 4, 16],
    'matching.window': [None, 4, 8],
    'injection.self_weight': [0.15, 0.3, 0.6],
    'injection.cross_weight': [0.0, 1.0],
    'gradient.step': [0.3, 0.5, 0.8],
    'gradient.gate': [0.05, 0.07, 0.1, 0.13, 0.17, 0.2],
    'position_sigma': [5.0, 10.0, 20.0],
    'color_sigma': [5.0, 13.0, 30.0],
    'smooth_sigma': [1.0, 3.0],
    'color_weight': [4.0, 10.0],
    'smooth_weight': [1.0, 3.0],
    'smoothness': [2.0, 5.0, 10.0, 20.0],
    'color_scale': [5.0, 10.0, 20.0],
    'rounds': [1, 3, 6],
    'sigma_spatial': [4.0, 8.0, 16.0],
    'sigma_luma': [8.0, 16.0],
    'sigma_chroma': [4.0, 8.0],
    'lam': [8.0, 32.0, 128.0],
    'confidence': [0.0, 1.0],
    'radius': [2, 4, 8],
    'epsilon': [1e-4, 1e-3, 1e-2],
    'dilations': [(1, 2), (1, 2, 4), (1, 2, 4, 8)],
    'iterations': [10, 20],
}
