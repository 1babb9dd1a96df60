# Trained on the set that tools/synthesize.py writes, tested on DUTS-TE.
_base_ = ['./synthetic_imagenet.py', './duts_test.py']
