"""Estimates whose unit is a process: against scipy, and held to their coverage."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from parrot_bench.errors import MeasurementError
from parrot_bench.outer import Groups, outer_p_value, outer_ratio, spread, unit_value

logs = st.floats(-0.5, 0.5, allow_subnormal=False)
some_logs = st.lists(logs, min_size=3, max_size=30).filter(lambda v: np.std(v) > 1e-6)


@given(some_logs)
def test_the_interval_is_students(values: list[float]) -> None:
    ratio = outer_ratio(values)
    assert ratio is not None
    expected = stats.ttest_1samp(values, 0.0)
    low, high = expected.confidence_interval(0.95)
    assert math.log(ratio.low) == pytest.approx(low, abs=1e-9)
    assert math.log(ratio.high) == pytest.approx(high, abs=1e-9)
    assert outer_p_value(values) == pytest.approx(expected.pvalue, abs=1e-9)
    assert ratio.count == len(values)


@given(some_logs)
def test_swapping_the_sides_inverts_the_ratio(values: list[float]) -> None:
    ratio, swapped = outer_ratio(values), outer_ratio([-v for v in values])
    assert ratio is not None
    assert swapped is not None
    assert swapped.value == pytest.approx(1 / ratio.value)
    assert swapped.low == pytest.approx(1 / ratio.high)


def test_one_unit_has_no_interval() -> None:
    assert outer_ratio([0.1]) is None
    assert outer_ratio([]) is None
    assert outer_p_value([0.1]) == 1.0


def test_units_that_agree_exactly() -> None:
    ratio = outer_ratio([0.0, 0.0, 0.0])
    assert ratio is not None
    assert (ratio.low, ratio.value, ratio.high) == (1.0, 1.0, 1.0)
    assert outer_p_value([0.0, 0.0, 0.0]) == 1.0
    assert outer_p_value([0.1, 0.1, 0.1]) < 1e-6


def test_a_unit_is_the_median_of_its_rounds() -> None:
    assert unit_value([0.1, 0.2, 9.0]) == 0.2
    with pytest.raises(MeasurementError, match="without rounds"):
        unit_value([])
    with pytest.raises(MeasurementError):
        unit_value([math.nan])


def test_the_interval_covers_what_it_says_when_units_differ() -> None:
    random = np.random.default_rng(1)
    truth, units, rounds, inside = 0.03, 10, 50, 0
    for _ in range(1000):
        processes = truth + 0.01 * random.standard_normal(units)
        medians = [unit_value(p + 0.1 * random.standard_t(3, rounds)) for p in processes]
        ratio = outer_ratio(medians)
        assert ratio is not None
        inside += ratio.low <= math.exp(truth) <= ratio.high
    assert 930 <= inside <= 970


def test_the_spread_tells_processes_from_rounds() -> None:
    random = np.random.default_rng(2)
    processes = 0.02 * random.standard_normal(400)
    found = spread([p + 0.1 * random.standard_normal(100) for p in processes])
    assert found is not None
    assert found.within == pytest.approx(0.1 * 1.2533 / 10, rel=0.1)
    assert found.between == pytest.approx(math.hypot(0.02, found.within), rel=0.1)
    assert spread([np.zeros(3)]) is None


@given(some_logs, some_logs)
def test_two_groups_are_welchs(candidate: list[float], baseline: list[float]) -> None:
    groups = Groups(np.array(candidate), np.array(baseline))
    expected = stats.ttest_ind(candidate, baseline, equal_var=False)
    low, high = expected.confidence_interval(0.95)
    ratio = groups.ratio(0.95)
    assert math.log(ratio.low) == pytest.approx(low, abs=1e-8)
    assert math.log(ratio.high) == pytest.approx(high, abs=1e-8)
    assert groups.p_value() == pytest.approx(expected.pvalue, abs=1e-8)
    assert groups.count == min(len(candidate), len(baseline))


def test_groups_that_agree_exactly() -> None:
    same = Groups(np.zeros(3), np.zeros(3))
    assert same.p_value() == 1.0
    assert same.ratio(0.95).high == 1.0
    assert Groups(np.ones(3), np.zeros(3)).p_value() < 1e-6
    assert not Groups(np.zeros(2), np.zeros(5)).enough


@settings(max_examples=40)
@given(st.lists(st.floats(-300, 300), min_size=2, max_size=6), st.floats(0.5, 0.9999))
def test_an_interval_has_two_ends_however_far_units_are_apart(
    values: list[float], confidence: float
) -> None:
    found = outer_ratio(values, confidence=confidence)
    assert found is not None
    assert 0 < found.low <= found.value <= found.high < math.inf
    groups = Groups(np.array(values), np.array(values[::-1]) / 3)
    welch = groups.ratio(confidence)
    assert 0 < welch.low <= welch.value <= welch.high < math.inf
    assert 0 <= groups.p_value() <= 1
