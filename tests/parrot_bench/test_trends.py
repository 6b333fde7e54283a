"""The trend of readings, held to account with readings whose trend is known."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from parrot_bench.errors import MeasurementError
from parrot_bench.studies.growth.trends import trend
from parrot_bench.studies.growth.verdicts import growth

RUNS = 1000
READINGS = 21
SLOPE = 1200.0
"""Bytes a call; readings are 500 calls apart."""
CALLS = 500
Noise = Callable[[np.random.Generator], np.ndarray]


def white(rng: np.random.Generator) -> np.ndarray:
    """Every reading has an error of its own."""
    return rng.normal(0, 40_000, READINGS)


def wandering(rng: np.random.Generator) -> np.ndarray:
    """Every rise has: readings hang together, as memory does."""
    return np.cumsum(rng.normal(0, 40_000, READINGS))


def heavy(rng: np.random.Generator) -> np.ndarray:
    return np.cumsum(rng.standard_t(2, READINGS) * 20_000)


def coverage(noise: Noise, slope: float) -> float:
    rng = np.random.default_rng(5)
    hits = 0
    for _ in range(RUNS):
        readings = noise(rng) + np.arange(READINGS) * slope * CALLS
        found = trend(readings, CALLS, "bytes")
        assert found is not None
        hits += found.low <= slope <= found.high
    return hits / RUNS


@pytest.mark.parametrize("slope", [0.0, SLOPE])
@pytest.mark.parametrize(("noise", "least"), [(white, 0.99), (wandering, 0.93), (heavy, 0.93)])
def test_the_interval_covers_the_trend(noise: Noise, least: float, slope: float) -> None:
    assert coverage(noise, slope) >= least


def test_nothing_is_said_to_grow_that_only_wanders() -> None:
    rng = np.random.default_rng(6)
    found = [trend(wandering(rng), CALLS, "bytes") for _ in range(RUNS)]
    assert sum(one is not None and one.low > 0 for one in found) / RUNS <= 0.04


def test_a_leak_of_a_kilobyte_a_call_is_found_in_noise() -> None:
    rng = np.random.default_rng(7)
    leak = np.arange(READINGS) * SLOPE * CALLS
    found = [trend(wandering(rng) + leak, CALLS, "bytes") for _ in range(RUNS)]
    assert sum(one is not None and one.low > 0 for one in found) / RUNS >= 0.99


def test_a_single_step_is_no_trend() -> None:
    readings = np.where(np.arange(READINGS) < 9, 0, 1_048_576)
    found = trend(readings, CALLS, "bytes")
    assert found is not None
    assert (found.low, found.value, found.high) == (0, 0, 0)


def test_a_steady_rise_has_no_width() -> None:
    found = trend(np.arange(READINGS) * 50, 50, "count")
    assert found is not None
    assert (found.low, found.value, found.high, found.count) == (1, 1, 1, 20)


def test_too_few_readings_say_nothing() -> None:
    assert trend(range(10), 1, "count") is None
    assert trend(range(11), 1, "count") is not None


def test_what_is_not_finite_is_refused() -> None:
    with pytest.raises(MeasurementError, match="not finite"):
        trend([*range(20), float("nan")], 1, "count")


@given(
    readings=arrays.arrays(np.int64, st.integers(11, 60), elements=st.integers(-(10**9), 10**9)),
    shift=st.integers(-(10**6), 10**6),
    per=st.integers(1, 1000),
)
def test_where_readings_begin_does_not_matter(readings: np.ndarray, shift: int, per: int) -> None:
    one, other = trend(readings, per, "bytes"), trend(readings + shift, per, "bytes")
    assert one == other
    assert one is not None
    assert one.low <= one.value <= one.high
    rises = np.diff(readings) / per
    assert rises.min() - 1e-6 <= one.value <= rises.max() + 1e-6


WANDERING = arrays.arrays(np.int64, st.integers(11, 30), elements=st.integers(-(10**6), 10**6))


@settings(max_examples=40)
@given(WANDERING, st.lists(st.integers(0, 10**6), min_size=2, max_size=4), st.integers(1, 1000))
def test_what_rises_more_is_never_called_flatter(
    readings: np.ndarray, slopes: list[int], per: int
) -> None:
    order = ["flat", "not resolved", "grows"]
    steps = np.arange(readings.size)
    for quantity in ("memory", "objects", "threads"):
        found = [growth(quantity, (readings + steps * s).tolist(), per) for s in sorted(slopes)]
        places = [order.index(one.verdict) for one in found if one is not None]
        assert len(places) == len(slopes)
        assert places == sorted(places)


@given(st.integers(-(10**9), 10**9), st.integers(11, 40), st.integers(1, 1000))
def test_what_stays_the_same_is_flat(reading: int, count: int, per: int) -> None:
    found = growth("memory", [reading] * count, per)
    assert found is not None
    assert (found.verdict, found.rise, found.per_call.value) == ("flat", 0, 0)
