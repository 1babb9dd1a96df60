# Needs `pip install segmentation-refinement`, which fetches its weights by itself where `download` allows it.
refiner = dict(type='CascadePSP', download=False, side=900)
