# The training-free rows of diffusionseg_tab5, _tab6 and _tab7. `fixed` is what makes a row what it is; the names in
# `search` are chosen on scenes that nothing else is measured on, the same effort for every row:
#   python tools/tune_cut.py --rows configs/tables/training_free.py
# writes what it chose to chosen_cuts.json. A search begins with the choice of the row named `start`, then `fixed`.
_base_ = ['../_base_/default_runtime.py', './chosen_cuts.json']

# How evidence is taken, while choosing and while judging.
inversion = dict(steps=20, top_k=6, tau=0.5, num_seeds=16)
tuning = dict(scenes=60, rounds=2)

paper = dict(color_rounds=0, calibration='min_max', top_k=6)
objectness = ['top_k', 'calibration', 'bias']
rows = {
    'K-means clustering': dict(method='kmeans', fixed=dict(top_k=6), search=['top_k', 'clusters', 'map_weight']),
    'DenseCRF': dict(
        method='crf',
        fixed=dict(top_k=6),
        search=['top_k', 'calibration', 'bias', 'color_weight', 'position_sigma', 'smooth_weight'],
    ),
    'NCut': dict(method='ncut', fixed=dict(top_k=6), search=['top_k', 'grid', 'lambda_psi', 'color_scale']),
    '1: A_c': dict(method='attention_cut', fixed=dict(paper, lambda_phi=0.0, lam=0.0), search=objectness),
    '2: r': dict(
        method='attention_cut',
        fixed=dict(paper, lambda_cross=0.0, lambda_phi=1.0, lam=0.0),
        search=['calibration', 'bias'],
    ),
    '3: A_c, r': dict(
        method='attention_cut', start='1: A_c', fixed=dict(lambda_phi=0.16), search=['lambda_phi', *objectness]
    ),
    '4: A_c, r, D': dict(
        method='attention_cut',
        start='3: A_c, r',
        fixed=dict(lambda_self=0.0, lam=0.5),
        search=['lam', 'color_scale', 'lambda_phi', *objectness],
    ),
    '5: A_c, r, A_s': dict(
        method='attention_cut',
        start='3: A_c, r',
        fixed=dict(lambda_psi=0.0, lam=0.5),
        search=['lam', 'lambda_phi', *objectness],
    ),
    'AttentionCut': dict(
        method='attention_cut',
        start='4: A_c, r, D',
        fixed=dict(lambda_self=1.0),
        search=['lambda_self', 'lam', 'color_scale', 'lambda_phi', *objectness],
    ),
    # The embedded models' default (EMBEDDED_CUT), chosen on 300 tuning scenes.
    'AttentionCut + colours (ours)': dict(
        method='attention_cut',
        fixed=dict(
            top_k=3,
            lambda_phi=0.5,
            lam=2.0,
            color_rounds=3,
            color_weight=4.0,
            min_objectness=0.75,
            lambda_self=0.3,
            color_scale=10.0,
            color_bins=12,
            fill_holes=False,
        ),
    ),
    'AttentionCut + solver': dict(
        method='attention_cut',
        start='AttentionCut',
        fixed=dict(refinement='bilateral', bilateral_spatial=4.0),
        search=['bilateral_spatial', 'bilateral_luma', 'bilateral_chroma', 'bilateral_lam'],
    ),
}
grid = dict(
    top_k=[2, 3, 6, 10],
    calibration=['min_max', 'mixture'],
    bias=[-1.0, -0.5, 0.0, 0.5],
    lambda_phi=[0.05, 0.16, 0.5],
    lambda_self=[0.3, 1.0, 3.0],
    lambda_psi=[0.5, 2.5, 10.0],
    lam=[0.1, 0.5, 2.0, 5.0, 10.0],
    color_scale=[5.0, 10.0, 20.0, 40.0],
    color_weight=[1.0, 2.0, 4.0, 10.0],
    color_bins=[6, 12],
    min_objectness=[0.0, 0.5, 0.75],
    bilateral_spatial=[4.0, 8.0, 16.0],
    bilateral_luma=[8.0, 16.0, 32.0],
    bilateral_chroma=[8.0, 16.0],
    bilateral_lam=[4.0, 32.0, 256.0],
    clusters=[2, 3, 4],
    map_weight=[0.5, 1.0, 2.0],
    grid=['attention', 'image'],
    position_sigma=[10.0, 25.0, 50.0],
    smooth_weight=[1.0, 3.0],
)
