import numpy as np
import pytest
from scipy.stats import bootstrap

from mmseg_gen.functional.bootstrap import bootstrap_mean_interval


def test_interval_agrees_with_scipy():
    values = np.random.default_rng(0).normal(0.3, 1.0, 80)
    expected = bootstrap((values,), np.mean, method='percentile', rng=np.random.default_rng(1)).confidence_interval
    assert bootstrap_mean_interval(values) == pytest.approx((expected.low, expected.high), abs=0.02)


def test_higher_level_gives_a_wider_interval():
    values = np.random.default_rng(0).normal(size=50)
    narrow, wide = bootstrap_mean_interval(values, level=0.5), bootstrap_mean_interval(values, level=0.99)
    assert wide[0] < narrow[0] < narrow[1] < wide[1]


@pytest.mark.parametrize('values', [[], [np.nan, 1.0]])
def test_values_without_a_mean_are_refused(values):
    with pytest.raises(ValueError, match='`values`'):
        bootstrap_mean_interval(np.array(values))


@pytest.mark.parametrize(
    ('options', 'text'),
    [(dict(level=95), '`level` in .*95'), (dict(level=-0.5), '`level`'), (dict(resamples=0), '`resamples` .* 0')],
)
def test_settings_out_of_range_are_refused(options, text):
    with pytest.raises(ValueError, match=text):
        bootstrap_mean_interval(np.arange(3.0), **options)
