import math

import numpy as np
import pytest

from mmseg_gen.functional.stratified import improvement_by_initial


def test_strata_equal_a_loop_over_images():
    rng = np.random.default_rng(0)
    initial = np.concatenate([rng.random(40), [0.4, 0.8]])
    refined = np.clip(initial + rng.normal(0.02, 0.05, 42), 0, 1)
    rules = {
        'below_40': lambda x: x < 0.4,
        '40_to_80': lambda x: 0.4 <= x <= 0.8,
        'above_80': lambda x: x > 0.8,
        'all': lambda x: True,
    }
    found = {stratum.name: stratum for stratum in improvement_by_initial(initial, refined)}
    assert list(found) == list(rules)
    for name, rule in rules.items():
        pairs = [(a, b) for a, b in zip(initial, refined, strict=True) if rule(a)]
        stratum = found[name]
        assert stratum.count == len(pairs)
        assert stratum.initial == pytest.approx(sum(a for a, _ in pairs) / len(pairs))
        assert stratum.refined == pytest.approx(sum(b for _, b in pairs) / len(pairs))
        assert stratum.gain == pytest.approx(sum(b - a for a, b in pairs) / len(pairs))
        assert stratum.interval[0] <= stratum.gain <= stratum.interval[1]


def test_the_interval_is_that_of_paired_differences():
    initial = np.linspace(0.41, 0.79, 30)
    steady = improvement_by_initial(initial, initial + 0.01)[1]
    # Unpaired, the spread of the masks themselves would be many times the gain.
    assert steady.interval == pytest.approx((0.01, 0.01))
    noise = np.where(np.arange(30) % 2, 0.05, -0.05)
    noisy = improvement_by_initial(initial, initial + noise, resamples=4000)[1]
    assert noisy.interval[1] - noisy.interval[0] == pytest.approx(2 * 1.96 * 0.05 / math.sqrt(30), rel=0.1)


def test_a_range_without_images_is_nan():
    low, _, high, everything = improvement_by_initial([0.1, 0.2], [0.2, 0.2])
    assert high.count == 0
    assert all(math.isnan(v) for v in (high.initial, high.refined, high.gain, *high.interval))
    assert low.gain == everything.gain == pytest.approx(0.05)


def test_names_follow_the_edges():
    names = [s.name for s in improvement_by_initial([0.3], [0.4], (0.25, 0.5))]
    assert names == ['below_25', '25_to_50', 'above_50', 'all']


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match=r'`refined` in \[0, 1\].*percentages need / 100'):
        improvement_by_initial([0.5], [57.0])
    with pytest.raises(ValueError, match=r'`initial` in \[0, 1\], but got NaN'):
        improvement_by_initial([math.nan], [0.5])
    with pytest.raises(ValueError, match='vectors of one length'):
        improvement_by_initial([0.5, 0.6], [0.5])
    with pytest.raises(ValueError, match='`edges` to rise'):
        improvement_by_initial([0.5], [0.5], (0.8, 0.4))
