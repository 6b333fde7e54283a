"""What every saved value is made of, and numbers that never stand alone."""

from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict

Unit = Literal["ratio", "ns", "bytes", "count", "per second"]


class Saved(BaseModel):
    """Base of every saved value: immutable, and strict about unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Estimate(Saved):
    """A number with its interval and the count behind it.

    Attributes:
        value: The point estimate, in ``unit``.
        low: Lower bound of the interval.
        high: Upper bound of the interval.
        confidence: Nominal coverage of the interval, such as 0.95.
        count: How many rounds (or calls) stand behind it.
        unit: ``"ratio"``; ``"ns"``: nanoseconds, per call unless its field says otherwise;
            ``"bytes"``, ``"count"``: of what its field says; ``"per second"``: a rate.
        stable: False when the host changed the number itself while it was measured.
        note: Why it is not stable, or how it was made; one clause without a full stop.
    """

    value: float
    low: float
    high: float
    confidence: float
    count: int
    unit: Unit
    stable: bool = True
    note: str = ""


class Percentile(Saved):
    """One percentile of per-call latency, or the reason there is none.

    Attributes:
        rank: Between 0 and 1: 0.5 is the median.
        value: Nanoseconds; None when there are too few calls.
        low: Lower bound of the 95 % interval, nanoseconds.
        high: Upper bound of the 95 % interval, nanoseconds.
        count: Stamped calls behind it.
        reason: Why ``value`` is None.
    """

    rank: float
    value: float | None
    low: float | None
    high: float | None
    count: int
    reason: str = ""


def apart(bounds: Sequence[float], edge: float, places: int, most: int) -> int:
    """Number of decimals by which bounds are told from an edge.

    An interval that excludes 1, or a difference of 0, must not be written as one that ends there,
    nor the reverse.

    Args:
        bounds: The bounds.
        edge: What they are told from.
        places: The fewest decimals.
        most: The most of them.
    """
    while places < most and any(round(bound, places) == edge != bound for bound in bounds):
        places += 1
    return places
