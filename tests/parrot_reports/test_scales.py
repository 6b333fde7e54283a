"""Scales of figures: ticks are round, within the axis, and as many as there is room for."""

import math
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure

from parrot_bench.record import Estimate
from parrot_reports.figures.canvas import nice
from parrot_reports.figures.differences import _limits, _ticks
from parrot_reports.figures.load import _with_room
from parrot_reports.figures.over_time import _number, _time_ticks, _value_ticks
from parrot_reports.figures.streaming import _apart

TIMES = st.floats(1e-2, 1e13)


@given(TIMES, st.floats(1, 1e6), st.integers(1, 10))
def test_nice_ticks_are_one_of_three_series_within_the_axis(
    low: float, factor: float, most: int
) -> None:
    high = low * factor
    ticks = nice(low, high, most)
    assert ticks == sorted({*ticks})
    assert all(low <= tick <= high for tick in ticks)
    heads = {f"{tick:.0e}"[0] for tick in ticks}
    assert heads <= {"1", "2", "5"} or heads <= {"1", "3"}
    # Of a decade its beginning is there; more than there is room for, and nothing else is.
    whole = [10.0**n for n in range(-4, 21) if low <= 10.0**n <= high]
    assert len(ticks) >= len(whole)
    if len(ticks) > most:
        assert len(ticks) == len(whole)


@settings(max_examples=60)
@given(st.floats(1e-6, 1e12))
def test_values_have_round_ticks_from_nought_on(most: float) -> None:
    axes = Figure().add_axes((0, 0, 1, 1))
    _value_ticks(axes, most, _number)
    ticks = list(axes.yaxis.get_major_locator()())
    assert ticks[0] == 0
    assert 3 <= len(ticks) <= 5
    assert ticks[-1] <= most * (1 + 1e-9)
    steps = [after - before for before, after in pairwise(ticks)]
    assert steps == pytest.approx([steps[0]] * len(steps))
    assert most - ticks[-1] < steps[0] * (1 + 1e-9)
    assert f"{steps[0]:.1e}"[:3] in {"1.0", "2.0", "5.0"}
    texts = axes.yaxis.get_major_formatter().format_ticks(ticks)
    assert texts[0] == "0"
    assert len({*texts}) == len(texts)


@settings(max_examples=60)
@given(st.integers(1, 60), st.sampled_from([10.0**n for n in range(-6, 7)]), st.integers(1, 9))
def test_times_have_ticks_apart_and_told_from_each_other(
    number: int, power: float, digit: int
) -> None:
    end = number * power * digit
    axes = Figure().add_axes((0, 0, 1, 1))
    _time_ticks(axes, end, labels=True)
    ticks = list(axes.xaxis.get_major_locator()())
    assert ticks[0] == 0
    assert 2 <= len(ticks) <= 9
    assert ticks[-1] <= end * (1 + 1e-9)
    steps = [after - before for before, after in pairwise(ticks)]
    assert steps == pytest.approx([steps[0]] * len(steps))
    texts = axes.xaxis.get_major_formatter().format_ticks(ticks)
    assert len({*texts}) == len(texts)
    units = {"d": 86_400, "h": 3_600, "min": 60, "s": 1, "ms": 1e-3, "µs": 1e-6}
    for text, tick in zip(texts[1:], ticks[1:], strict=True):
        written, unit = text.split()
        assert float(written) * units[unit] == pytest.approx(tick, rel=1e-5)
    first = float(texts[1].split()[0])
    assert first == float(f"{first:.1e}"), "a round number of its unit"


@given(st.floats(0.05, 0.999), st.floats(1.001, 20))
def test_percentages_are_round_and_nought_is_there(low: float, high: float) -> None:
    ticks = _ticks(low, high)
    assert 1 in ticks
    assert all(low - 1e-9 <= tick <= high + 1e-9 for tick in ticks)
    assert ticks == sorted({*ticks})


@given(TIMES, st.floats(1, 1e6))
def test_an_axis_has_room_at_both_ends(low: float, factor: float) -> None:
    left, right = _with_room(low, low * factor)
    assert left < low <= low * factor < right
    assert low / left == pytest.approx(right / (low * factor))
    assert len(nice(left, right, most=100)) > 1


PLACES = st.lists(st.floats(-1e3, 1e3), max_size=12).map(sorted)


@given(PLACES, st.floats(0.1, 50))
def test_labels_are_moved_apart_and_no_further(places: list[float], pitch: float) -> None:
    moved = _apart(places, pitch)
    assert len(moved) == len(places)
    assert all(after - before >= pitch * (1 - 1e-6) - 1e-9 for before, after in pairwise(moved))
    assert math.fsum(moved) == pytest.approx(math.fsum(places), abs=1e-6)
    if all(after - before >= pitch for before, after in pairwise(places)):
        assert moved == pytest.approx(places)
    # Once apart they stay.
    assert _apart(moved, pitch * (1 - 1e-6)) == pytest.approx(moved, abs=1e-3)


@given(
    st.lists(st.tuples(st.floats(1e-3, 1e3), st.floats(1, 10), st.floats(1, 10)), max_size=4),
    st.floats(0.0001, 1),
    st.none() | st.floats(0.0001, 100),
)
def test_an_axis_of_ratios_has_room_for_everything_that_is_drawn(
    ratios: list[tuple[float, float, float]], delta: float, fail_on: float | None
) -> None:
    """Whatever is asked for as the same, or as a failure."""
    estimates = [
        Estimate(value=low * up, low=low, high=low * up * more, confidence=0.95, count=9,
                 unit="ratio")
        for low, up, more in ratios
    ]  # fmt: skip
    low, high = _limits(estimates, delta, fail_on)
    assert 0 < low < 1 - delta or low < 0.1 * 1.1
    assert high > 1 + delta
    assert fail_on is None or high > 1 + fail_on
    assert all(low < each.low <= each.high < high for each in estimates)
