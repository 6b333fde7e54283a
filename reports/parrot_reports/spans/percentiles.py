"""Percentiles of durations with their intervals, from all durations at once. Pure functions.

Each is an order statistic, and so are the ends of its interval: the number of values at or under a
percentile is binomial, whatever the distribution (David and Nagaraja, Order Statistics, 3rd ed.,
section 7.1). Spans are taken to be independent. Percentiles of parts are never put together.
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from parrot_bench.record import Percentile

CONFIDENCE = 0.95
RANKS = ((0.5, "p50"), (0.9, "p90"), (0.99, "p99"))
_RANKS = tuple(rank for rank, _ in RANKS)
_WIDTH = 10
"""Standard deviations beyond which a binomial has less than the last bit of a float."""


def percentiles(
    values: NDArray[np.float64], ranks: Sequence[float] = _RANKS
) -> tuple[Percentile, ...]:
    """Return percentiles with 95 % intervals.

    Args:
        values: Nanoseconds, shape (spans,), finite, in any order.
        ranks: Wanted percentiles, each above 0 and under 1.

    Returns:
        One a rank: null with the reason where the spans are too few for an interval (6, 36, 368
        for p50, p90, p99).
    """
    ordered = np.sort(values)
    return tuple(_percentile(ordered, rank) for rank in ranks)


def order_bounds(number: int, rank: float) -> tuple[int, int] | None:
    """Return which order statistics bound a percentile, from 1; None if even the ends do not."""
    tail = (1 - CONFIDENCE) / 2
    low = _largest_with_tail(number, rank, tail)
    from_top = _largest_with_tail(number, 1 - rank, tail)
    return (low, number + 1 - from_top) if low and from_top else None


def fewest(rank: float) -> int:
    """Return how many spans a percentile needs."""
    return math.ceil(math.log((1 - CONFIDENCE) / 2) / math.log(max(rank, 1 - rank)))


def _percentile(ordered: NDArray[np.float64], rank: float) -> Percentile:
    number = ordered.size
    bounds = order_bounds(number, rank)
    if bounds is None:
        reason = f"{number} spans, p{100 * rank:g} needs {fewest(rank)}"
        return Percentile(rank=rank, value=None, low=None, high=None, count=number, reason=reason)
    # Rounded first: 0.99 * 100 must not become 100 by the error of its last bit.
    place = math.ceil(round(rank * number, 6))
    low, value, high = (float(ordered[index - 1]) for index in (bounds[0], place, bounds[1]))
    return Percentile(rank=rank, value=value, low=low, high=high, count=number, reason="")


def _largest_with_tail(number: int, rank: float, tail: float) -> int:
    """Return the largest j with P(Binomial(number, rank) <= j - 1) <= tail, or 0."""
    if not number:
        return 0
    middle, arm = number * rank, _WIDTH * (math.sqrt(number * rank * (1 - rank)) + 1)
    first = max(0, math.floor(middle - arm))
    counts = np.arange(first, min(number, math.ceil(middle + arm)) + 1)
    # From each count to the next the chance changes by this factor.
    steps = np.log((number - counts[:-1]) / counts[1:] * (rank / (1 - rank)))
    logs = np.concatenate(([0.0], np.cumsum(steps)))
    chances = np.exp(logs - logs.max())
    below = np.cumsum(chances / chances.sum())
    return first + int(np.searchsorted(below, tail, side="right"))
