# The synthesis stage with SSD-1B, distilled from SDXL by taking blocks out. Not run with the real weights.
_base_ = ['./sdxl.py']

synthesis = dict(generator='segmind/SSD-1B', output='data/synthetic/ssd_1b_imagenet')
