# Style mixing: what all domains share. The paper gives n; truncation 0.7 is that of its figures; the rest is ours.
synthesis = dict(
    generator=dict(type='StyleMixing', count=50, truncation=0.7, noise='const', batch=2),
    num_samples=10000,
    seed=0,
    batch_size=1,
    first_batch=1,
    dtype='float16',
    labeller=dict(type='StyleMixingLabel'),
    filter=dict(min_area=0.01, max_area=0.98),
)
