"""Numbers into text."""

# ruff: noqa: RUF001  # the expected text has real multiplication signs and dashes

import math
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from parrot_bench.record import Estimate
from parrot_reports import units
from parrot_reports.text import shortened, visible


def estimate(low: float, value: float, high: float) -> Estimate:
    return Estimate(value=value, low=low, high=high, confidence=0.95, count=40, unit="ratio")


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [
        (0, "0 ns"),
        (0.4, "0.4 ns"),
        (12, "12 ns"),
        (999.6, "1 µs"),
        (177_000, "177 µs"),
        (999_700, "1 ms"),
        (1_904_000, "1.9 ms"),
        (25_130, "25.1 µs"),
        (340e6, "340 ms"),
        (12.34e9, "12.3 s"),
        (math.nan, "–"),
    ],
)
def test_duration_has_three_digits_and_its_unit(nanoseconds: float, text: str) -> None:
    assert units.duration(nanoseconds) == text


@pytest.mark.parametrize(
    ("low", "value", "high", "text"),
    [
        (7.0, 7.2, 7.4, ("7.2", "[7.0, 7.4]")),
        (1.90, 1.94, 1.98, ("1.94", "[1.90, 1.98]")),
        (6.0, 6.1, 6.3, ("6.1", "[6.0, 6.3]")),
        (13.2, 13.36, 13.5, ("13.4", "[13.2, 13.5]")),
        (0.0797, 0.0806, 0.0816, ("0.081", "[0.080, 0.082]")),
        (0.991, 0.998, 1.006, ("0.998", "[0.991, 1.006]")),
        (80, 120, 160, ("120", "[80, 160]")),
        (2.1, 3.2, 4.3, ("3.2", "[2.1, 4.3]")),
    ],
)
def test_a_ratio_has_the_digits_its_interval_justifies(
    low: float, value: float, high: float, text: tuple[str, str]
) -> None:
    assert units.ratio(estimate(low, value, high)) == text


@given(
    value=st.floats(0.01, 50, allow_nan=False),
    spread=st.floats(0.001, 0.5, allow_nan=False),
)
def test_a_printed_interval_excludes_one_if_the_interval_does(value: float, spread: float) -> None:
    low, high = value * (1 - spread), value * (1 + spread)
    if min(abs(low - 1), abs(high - 1)) < 1e-4:
        return  # closer to 1 than four decimals can say
    printed = units.ratio(estimate(low, value, high))[1].strip("[]").split(", ")
    assert (float(printed[0]) > 1) == (low > 1)
    assert (float(printed[1]) < 1) == (high < 1)


@given(st.floats(1e-6, 1e12, allow_nan=False))
def test_significant_digits_lose_at_most_half_a_percent(value: float) -> None:
    text = units.significant(value)
    assert float(text.replace("\u202f", "")) == pytest.approx(value, rel=0.0051)
    assert "e" not in text


def test_a_column_of_times_is_written_in_the_unit_of_its_smallest() -> None:
    assert units.shared_unit([25_000, 4_000_000]) == (1e3, "µs")
    assert units.shared_unit([]) == (1e3, "µs")
    assert units.shared_unit([math.nan, 2e9]) == (1e9, "s")


def test_waiting_is_told_in_seconds_minutes_or_hours() -> None:
    assert units.span_of_time(38.4) == "38 s"
    assert units.span_of_time(171.4) == "2.9 min"
    assert units.span_of_time(9000) == "2.5 h"


def test_thousands_are_set_apart_from_ten_thousand_on() -> None:
    assert units.count(9999) == "9999"
    assert units.count(30_500) == "30\u202f500"


UNITS = {"s": 1e9, "ms": 1e6, "µs": 1e3, "ns": 1.0, "min": 60e9, "h": 3600e9}


def read(text: str) -> float:
    """A time as somebody reads it, nanoseconds."""
    number, unit = text.rsplit(" ", 1)
    return float(number.replace("\u202f", "")) * UNITS[unit]


@given(st.floats(1, 1e15), st.sampled_from([2, 3]))
def test_a_time_is_read_as_what_it_was(nanoseconds: float, digits: int) -> None:
    text = units.duration(nanoseconds, digits)
    assert read(text) == pytest.approx(nanoseconds, rel=0.51 * 10 ** (1 - digits))
    # Never 1000 of one unit where there is a larger one.
    assert text.endswith(" s") or read(text) / UNITS[text.rsplit(" ", 1)[1]] < 1000
    assert len(text) <= 12


@given(st.floats(0.01, 1e7))
def test_a_wait_is_read_as_what_it_was(seconds: float) -> None:
    text = units.span_of_time(seconds)
    assert read(text) == pytest.approx(seconds * 1e9, rel=0.051)


@given(st.floats(1e-5, 100))
def test_a_percentage_is_read_as_what_it_was(share: float) -> None:
    text = units.percent(share)
    assert text.endswith(" %")
    assert float(text[:-2].replace("\u202f", "")) == pytest.approx(share * 100, rel=0.051)
    assert not text[:-2].endswith(".")


@given(st.integers(0, 10**15))
def test_a_count_loses_nothing(number: int) -> None:
    assert int(units.count(number).replace("\u202f", "")) == number


@given(st.lists(st.floats() | st.floats(0.1, 1e12), max_size=6))
def test_a_column_has_one_unit_and_no_time_is_under_one_of_it(times: list[float]) -> None:
    scale, unit = units.shared_unit(times)
    assert UNITS[unit] == scale
    finite = [time for time in times if math.isfinite(time) and time > 0]
    # 999.7 ns is written as 1 us, which is as near as three digits are.
    assert all(time / scale >= 0.999 or unit == "ns" for time in finite)


@given(st.lists(st.floats(), min_size=3, max_size=3))
def test_any_interval_can_be_written(bounds: list[float]) -> None:
    low, value, high = sorted(bounds)
    value_said, interval = units.ratio(estimate(low, value, high))
    assert "e" not in value_said
    assert interval.startswith("[")


@given(st.floats())
@example(1.795e308)
@example(5e-324)
def test_any_number_can_be_written(value: float) -> None:
    for text in (units.significant(value), units.duration(value), units.percent(value)):
        assert text.isprintable() or "\u202f" in text
        assert "nan" not in text
        assert "inf" not in text


@given(st.text(), st.integers(1, 30))
def test_a_shortened_text_is_short_and_can_be_seen(name: str, most: int) -> None:
    short = shortened(name, most)
    assert len(short) <= most
    assert shortened(short, most) == short
    assert visible(name) == visible(visible(name))
    assert len(visible(name)) == len(name)
    # Nothing that turns lines round, ends them or cannot be encoded.
    assert not {unicodedata.category(char) for char in visible(name)} & {"Cc", "Cf", "Cs"}
    visible(name).encode()
