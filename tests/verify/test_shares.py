"""Shares and p-values, against scipy."""

import pytest
from scipy import stats

from tests.verify.shares import Share, uniformity


@pytest.mark.parametrize(("hits", "of"), [(0, 1), (0, 100), (3, 100), (95, 100), (100, 100)])
def test_interval_is_wilsons(hits: int, of: int) -> None:
    found = Share(hits, of)
    expected = stats.binomtest(hits, of).proportion_ci(0.95, method="wilson")
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=1e-12)
    assert found.value == hits / of


@pytest.mark.parametrize("p_values", [[0.5], [0.0, 1.0], [0.01, 0.02, 0.9], [0.9, 0.4, 0.4, 1.0]])
def test_distances_are_those_of_kolmogorov_and_smirnov(p_values: list[float]) -> None:
    found = uniformity(p_values)
    greater = stats.kstest(p_values, "uniform", alternative="greater").statistic
    less = stats.kstest(p_values, "uniform", alternative="less").statistic
    assert found.too_small == pytest.approx(greater)
    assert found.too_large == pytest.approx(less)
