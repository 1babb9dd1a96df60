# The minimum cut of the embedded AttentionCut (mmseg_gen.functional.cut_settings.EMBEDDED_CUT), for the probabilities
# of a segmentor. Chosen on rendered scenes, whose colours are strong and flat.
refiner = dict(type='ColorCut', smoothness=5.0, color_scale=10.0, rounds=3, color_weight=4.0)
