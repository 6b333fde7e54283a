import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special, stats

from parrot_bench.distributions import (
    beta_cdf,
    binomial_cdf,
    chi_square_sf,
    normal_two_sided,
    order_ranks,
    student_quantile,
    student_two_sided,
    wilson,
)

DEGREES = [1, 2, 3, 4, 9, 19, 100, 2999]


@pytest.mark.parametrize("z", [0.0, 1e-6, 1.0, -1.959964, 6.0, 30.0])
def test_normal_tail_is_scipys(z: float) -> None:
    assert normal_two_sided(z) == pytest.approx(2 * stats.norm.sf(abs(z)), rel=1e-12)


@pytest.mark.parametrize("df", DEGREES)
@pytest.mark.parametrize("t", [0.0, 1e-6, 0.1, 0.999, 1.0, 2.5, -7.0, 30.0])
def test_student_tail_is_scipys(t: float, df: int) -> None:
    assert student_two_sided(t, df) == pytest.approx(2 * stats.t.sf(abs(t), df), rel=1e-9)


def test_student_tail_of_infinity_is_nothing() -> None:
    assert student_two_sided(math.inf, 19) == 0.0


@pytest.mark.parametrize("df", DEGREES)
@pytest.mark.parametrize("confidence", [0.5, 0.9, 0.95, 0.99, 1 - 0.05 / 36, 1 - 1e-6])
def test_student_quantile_is_scipys(confidence: float, df: int) -> None:
    expected = stats.t.isf((1 - confidence) / 2, df)
    assert student_quantile(confidence, df) == pytest.approx(expected, rel=1e-8)


@pytest.mark.parametrize("df", [1, 2, 3, 5, 11, 19, 100])
@pytest.mark.parametrize("x", [-1.0, 0.0, 1e-3, 0.5, 1.0, 5.0, 19.0, 30.0, 80.0, 300.0])
def test_chi_square_tail_is_scipys(x: float, df: int) -> None:
    assert chi_square_sf(x, df) == pytest.approx(stats.chi2.sf(x, df), rel=1e-10)


@pytest.mark.parametrize("a", [0.5, 1.0, 9.5, 1500.0])
@pytest.mark.parametrize("b", [0.5, 1.0, 40.0, 1501.0])
@pytest.mark.parametrize("x", [-0.1, 0.0, 1e-8, 0.2, 0.5, 0.9, 1.0, 1.1])
def test_beta_is_scipys(x: float, a: float, b: float) -> None:
    expected = special.betainc(a, b, min(1.0, max(0.0, x)))
    assert beta_cdf(x, a, b) == pytest.approx(expected, rel=1e-9, abs=1e-200)


@pytest.mark.parametrize("n", [1, 2, 5, 30, 300, 3000, 20_000])
@pytest.mark.parametrize("p", [0.5, 0.9, 0.99])
def test_binomial_is_scipys(n: int, p: float) -> None:
    for k in {-1, 0, n // 3, n // 2, int(n * p), n - 1, n}:
        expected = stats.binom.cdf(k, n, p)
        assert binomial_cdf(k, n, p) == pytest.approx(expected, rel=1e-9, abs=1e-200)


@pytest.mark.parametrize("p", [0.5, 0.9, 0.99])
@pytest.mark.parametrize("confidence", [0.8, 0.95, 0.999])
def test_order_ranks_are_the_tightest_that_cover(p: float, confidence: float) -> None:
    tail = (1 - confidence) / 2
    for n in (1, 5, 6, 10, 36, 37, 100, 367, 368, 1001):
        ranks = order_ranks(n, p, confidence)
        reachable = p**n <= tail and (1 - p) ** n <= tail
        assert (ranks is not None) == reachable
        if ranks is None:
            continue
        low, high = ranks
        # x_(low) lies over the quantile when at most low - 1 values are at or under it.
        assert stats.binom.cdf(low - 1, n, p) <= tail < stats.binom.cdf(low, n, p)
        assert stats.binom.sf(high - 1, n, p) <= tail < stats.binom.sf(high - 2, n, p)


SHAPES = st.floats(0.5, 2000)


@given(st.floats(0, 1), SHAPES, SHAPES)
def test_beta_is_scipys_everywhere(x: float, a: float, b: float) -> None:
    assert beta_cdf(x, a, b) == pytest.approx(special.betainc(a, b, x), rel=1e-8, abs=1e-13)


@given(st.floats(0, 1e4), st.floats(0.5, 500))
def test_chi_square_is_scipys_everywhere(x: float, df: float) -> None:
    assert chi_square_sf(x, df) == pytest.approx(stats.chi2.sf(x, df), rel=1e-8, abs=1e-13)


@given(st.floats(-1e200, 1e200) | st.floats(-50, 50), st.floats(1, 1e5))
def test_student_is_scipys_everywhere(t: float, df: float) -> None:
    expected = 2 * stats.t.sf(abs(t), df)
    assert student_two_sided(t, df) == pytest.approx(expected, rel=1e-7, abs=1e-13)


@settings(max_examples=50)
@given(st.floats(0.01, 0.9999), st.floats(1, 3000))
def test_a_quantile_has_its_tail(confidence: float, df: float) -> None:
    t = student_quantile(confidence, df)
    assert student_two_sided(t, df) == pytest.approx(1 - confidence, rel=1e-9)
    assert student_quantile(confidence, df + 1) <= t


@settings(max_examples=50)
@given(st.integers(1, 400), st.floats(0.01, 0.99), st.floats(0.5, 0.999))
def test_order_ranks_cover_and_none_within_them_does(n: int, p: float, confidence: float) -> None:
    found = order_ranks(n, p, confidence)
    tail = (1 - confidence) / 2
    below = stats.binom.cdf(np.arange(n + 1), n, p)  # at most k of the values are under it
    if found is None:
        assert below[0] > tail or 1 - below[n - 1] > tail
        return
    low, high = found
    assert 1 <= low < high <= n
    slack = 1e-9
    assert below[low - 1] <= tail + slack
    assert below[low] > tail - slack
    assert 1 - below[high - 1] <= tail + slack
    assert 1 - below[high - 2] > tail - slack


@given(st.integers(1, 5000), st.data())
def test_wilson_is_the_same_from_either_side(of: int, data: st.DataObject) -> None:
    hits = data.draw(st.integers(0, of))
    low, high = wilson(hits, of)
    other_low, other_high = wilson(of - hits, of)
    assert (low, high) == pytest.approx((1 - other_high, 1 - other_low))
    expected = stats.binomtest(hits, of).proportion_ci(method="wilson")
    assert (low, high) == pytest.approx((expected.low, expected.high), abs=1e-9)
