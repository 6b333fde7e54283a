"""Calls over time: how many started, how many were in flight, how long they took. Pure."""

import math
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_MOST_INTERVALS = 60
_FEWEST_CALLS = 10
_S = 1_000_000_000
_WIDTHS = (
    *(step * 10**power for power in range(3, 9) for step in (1, 2, 5)),
    *(seconds * _S for seconds in (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800)),
    *(hours * 3_600 * _S for hours in (1, 2, 3, 6, 12, 24, 48, 168, 720)),
)
"""Intervals that people count in, nanoseconds."""


@dataclass(frozen=True, kw_only=True)
class OverTime:
    """Calls of a model in intervals of equal length, all arrays of shape (intervals,).

    Attributes:
        began: When the first call started, nanoseconds since the epoch.
        width: Length of an interval, nanoseconds.
        started: Calls that started in it.
        failed: Those of them that failed.
        in_flight: Calls in flight, on average over the interval.
        peak: Most calls in flight at one moment of it.
        median: Median duration of the calls that started in it, nanoseconds; not a number where
            there are fewer than three.
        output_tokens: Of the calls that started in it.
    """

    began: int
    width: int
    started: Floats
    failed: Floats
    in_flight: Floats
    peak: Floats
    median: Floats
    output_tokens: Floats

    @property
    def seconds(self) -> float:
        """Length of an interval, seconds."""
        return self.width / _S


def over_time(calls: pl.DataFrame) -> OverTime | None:
    """Count calls over time.

    Args:
        calls: Calls of a model, with their ``duration``.

    Returns:
        None where there are too few calls, or all at one moment.
    """
    if calls.height < _FEWEST_CALLS:
        return None
    start = calls["start_ns"].to_numpy()
    end = start + calls["duration"].to_numpy()
    began, last = int(start.min()), int(end.max())
    width = next((each for each in _WIDTHS if (last - began) / each < _MOST_INTERVALS), None)
    if last == began or width is None:  # a clock that was wrong by years
        return None
    number = (last - began) // width + 1
    place = (start - began) // width
    in_flight, peak = _in_flight(start - began, end - began, width, number)
    grouped = (
        calls.select("duration", "failed", "output_tokens", place=pl.Series(place))
        .group_by("place")
        .agg(
            pl.len().alias("started"),
            pl.col("failed").sum(),
            pl.col("output_tokens").sum(),
            pl.when(pl.len() > 2).then(pl.col("duration").median()).alias("median"),  # noqa: PLR2004
        )
    )
    every = pl.DataFrame({"place": np.arange(number, dtype=np.int64)})
    rows = every.join(grouped.cast({"place": pl.Int64}), on="place", how="left").sort("place")

    def column(name: str, fill: float) -> Floats:
        return rows[name].cast(pl.Float64).fill_null(fill).to_numpy()

    return OverTime(
        began=began,
        width=width,
        started=column("started", 0),
        failed=column("failed", 0),
        in_flight=in_flight,
        peak=peak,
        median=column("median", math.nan),
        output_tokens=column("output_tokens", 0),
    )


def _in_flight(
    start: NDArray[np.int64], end: NDArray[np.int64], width: int, number: int
) -> tuple[Floats, Floats]:
    """Mean and most calls in flight, by interval.

    Args:
        start: Starts after the first, nanoseconds.
        end: Ends, likewise.
        width: Length of an interval.
        number: How many intervals there are.
    """
    times = np.concatenate([end, start])
    steps = np.repeat([-1, 1], start.size)
    # An end comes before a start at the same moment: the one call gave way to the other.
    order = np.argsort(times, kind="stable")
    times, running = times[order], np.cumsum(steps[order])
    edges = np.arange(number + 1) * width
    # Call-nanoseconds until each moment; between two moments it grows in a straight line.
    area = np.concatenate(([0.0], np.cumsum(running[:-1] * np.diff(times).astype(np.float64))))
    mean = np.diff(np.interp(edges, times, area)) / width
    # A call that ends exactly at an edge is not in flight after it.
    ended = np.searchsorted(np.sort(end), edges[:-1], side="right")
    carried = np.searchsorted(np.sort(start), edges[:-1]) - ended
    peak = np.maximum(carried, 0).astype(np.float64)
    np.maximum.at(peak, times // width, running)
    return mean, peak
