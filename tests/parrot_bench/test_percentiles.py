"""Percentiles of per-call latency, against numpy and simulated rounds."""

import math
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from parrot_bench.distributions import order_ranks
from parrot_bench.errors import MeasurementError
from parrot_bench.percentiles import fewest_calls, percentiles


def test_percentiles_are_order_statistics() -> None:
    latencies = np.random.default_rng(0).permutation(np.arange(1.0, 1001))
    found = percentiles(latencies, np.arange(1000), seed=1)
    assert [p.value for p in found] == [500, 900, 950, 990]
    expected = np.quantile(latencies, [0.5, 0.9, 0.95, 0.99], method="inverted_cdf")
    assert [p.value for p in found] == list(expected)
    for p in found:
        assert p.low < p.value < p.high
        assert p.count == 1000
        assert not p.reason


def test_percentiles_need_enough_calls_for_an_upper_bound() -> None:
    assert [fewest_calls(r) for r in (0.5, 0.9, 0.95, 0.99)] == [6, 36, 72, 368]
    assert fewest_calls(0.01) == fewest_calls(0.99)
    for rank in (0.5, 0.9, 0.95, 0.99):
        needed = fewest_calls(rank)
        (below,) = percentiles(np.arange(needed - 1.0), np.arange(needed - 1), [rank])
        assert (below.value, below.low, below.high) == (None, None, None)
        assert below.reason == f"{needed - 1} calls, p{100 * rank:g} needs {needed}"
        (enough,) = percentiles(np.arange(float(needed)), np.arange(needed), [rank])
        assert enough.value is not None
        assert enough.high == needed - 1


def test_percentiles_need_enough_rounds() -> None:
    found = percentiles(np.arange(100.0), np.arange(100) // 20, (0.5, 0.99))
    assert found[0].reason == "calls of 5 rounds, percentiles need 6 rounds"
    assert found[1].reason == "100 calls, p99 needs 368"


def test_percentiles_of_no_calls_are_null() -> None:
    assert all(p.value is None for p in percentiles([], []))


def test_percentiles_depend_on_the_seed_alone() -> None:
    random = np.random.default_rng(0)
    latencies, rounds = random.lognormal(size=2000), np.arange(2000) // 20
    assert percentiles(latencies, rounds, seed=3) == percentiles(latencies, rounds, seed=3)
    assert percentiles(latencies, rounds, seed=3) != percentiles(latencies, rounds, seed=4)


def test_rounds_that_differ_widen_the_interval() -> None:
    latencies = np.random.default_rng(0).lognormal(size=2000)
    mixed = percentiles(latencies, np.arange(2000) % 100)
    sorted_rounds = percentiles(latencies, np.argsort(np.argsort(latencies)) // 20)
    for alike, unlike in zip(mixed[:1], sorted_rounds[:1], strict=True):
        assert unlike.high - unlike.low > 2 * (alike.high - alike.low)


def test_intervals_hold_the_exact_ones() -> None:
    for seed in range(20):
        latencies = np.random.default_rng(seed).lognormal(size=400)
        ordered = np.sort(latencies)
        for p in percentiles(latencies, np.arange(400), seed=seed):
            low, high = order_ranks(400, p.rank, 0.95)
            assert p.low <= ordered[low - 1]
            assert ordered[high - 1] <= p.high


def test_beyond_a_hundred_rounds_neighbours_are_resampled_together() -> None:
    latencies = np.random.default_rng(0).lognormal(size=2000)
    rounds = np.arange(2000)
    assert percentiles(latencies, rounds) == percentiles(latencies, rounds // 20)


def test_percentiles_cover_when_calls_of_a_round_share_their_luck() -> None:
    normal = stats.norm(scale=math.sqrt(1.25))
    truth = np.exp(normal.ppf([0.5, 0.9, 0.95, 0.99]))
    random, covered = np.random.default_rng(4), np.zeros(4)
    for seed in range(250):
        rounds = np.repeat(np.arange(60), 20)
        luck = 0.5 * random.standard_normal(60)[rounds]
        found = percentiles(np.exp(random.standard_normal(1200) + luck), rounds, seed=seed)
        covered += [p.low <= t <= p.high for p, t in zip(found, truth, strict=True)]
    assert (covered / 250 >= 0.9).all()


def test_calls_without_rounds() -> None:
    with pytest.raises(MeasurementError, match="every call needs its round"):
        percentiles([1.0, 2.0], [1])
    with pytest.raises(MeasurementError, match="not finite"):
        percentiles([1.0, math.inf], [1, 2])


LATENCIES = st.lists(st.integers(1, 10**12), min_size=1, max_size=120, unique=True)


@settings(max_examples=60)
@given(LATENCIES, st.integers(1, 40), st.sampled_from([0.5, 0.9, 0.95]), st.randoms())
def test_the_order_of_calls_says_nothing(
    latencies: list[int], rounds: int, rank: float, order: Random
) -> None:
    calls = [(latency, number % rounds) for number, latency in enumerate(latencies)]
    (found,) = percentiles(*zip(*calls, strict=True), [rank])
    order.shuffle(calls)
    assert percentiles(*zip(*calls, strict=True), [rank]) == (found,)
    # In another unit it is the same call.
    (scaled,) = percentiles([4 * latency for latency, _ in calls], [r for _, r in calls], [rank])
    if found.value is None:
        assert scaled.reason == found.reason != ""
        return
    assert found.value == np.quantile(latencies, rank, method="inverted_cdf")
    assert min(latencies) <= found.low <= found.value <= found.high <= max(latencies)
    assert (scaled.low, scaled.value, scaled.high) == (
        4 * found.low, 4 * found.value, 4 * found.high,
    )  # fmt: skip
