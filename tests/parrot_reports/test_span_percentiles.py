"""Percentiles of durations and their intervals; scipy is the oracle."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from parrot_reports.spans.percentiles import fewest, order_bounds, percentiles


@pytest.mark.parametrize(("rank", "needed"), [(0.5, 6), (0.9, 36), (0.99, 368)])
def test_how_many_are_needed(rank: float, needed: int) -> None:
    assert fewest(rank) == needed
    assert order_bounds(needed - 1, rank) is None
    assert order_bounds(needed, rank) is not None


@given(number=st.integers(1, 50_000), rank=st.sampled_from([0.5, 0.9, 0.95, 0.99]))
def test_bounds_are_those_of_the_binomial(number: int, rank: float) -> None:
    bounds = order_bounds(number, rank)
    binomial = stats.binom(number, rank)
    if bounds is None:
        assert min(binomial.cdf(0), 1 - binomial.cdf(number - 1)) > 0.025 or number < fewest(rank)
        return
    low, high = bounds
    # The wider of all that hold: one more inside, and a tail would be over 2.5 %.
    assert binomial.cdf(low - 1) <= 0.025 * (1 + 1e-9)
    assert binomial.cdf(low) > 0.025 * (1 - 1e-9)
    assert binomial.sf(high - 1) <= 0.025 * (1 + 1e-9)
    assert binomial.sf(high - 2) > 0.025 * (1 - 1e-9)


def test_they_are_order_statistics() -> None:
    values = np.arange(1.0, 1_001.0)[::-1]
    median, ninety, last = percentiles(values)
    assert (median.value, ninety.value, last.value) == (500, 900, 990)
    assert (median.low, median.high) == (469, 532)
    assert last.count == 1_000
    (few,) = percentiles(values[:3], [0.9])
    assert (few.value, few.reason) == (None, "3 spans, p90 needs 36")
    assert percentiles(np.array([]))[0].reason == "0 spans, p50 needs 6"


def test_the_interval_covers() -> None:
    rng = np.random.default_rng(1)
    hits = 0
    for _ in range(400):
        (found,) = percentiles(rng.lognormal(size=500), [0.9])
        assert found.low is not None
        assert found.high is not None
        hits += found.low <= stats.lognorm(1).ppf(0.9) <= found.high
    assert hits / 400 > 0.93
