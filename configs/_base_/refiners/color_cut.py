# The minimum cut of the embedded AttentionCut for the probabilities of a segmentor, with half the weight of the
# colours, chosen on coarse masks of photographs (tools/compare_refiners.py; docs/refinement.md).
refiner = dict(type='ColorCut', smoothness=5.0, color_scale=10.0, rounds=3, color_weight=2.0)
