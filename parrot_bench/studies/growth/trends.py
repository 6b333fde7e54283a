"""From readings taken in a row to a trend with its interval. Pure functions of arrays.

A reading of memory is the sum of everything that happened before it, so that readings hang
together and their rises do not: the trend is taken from the rises. It is their trimmed mean,
so that one arena, one cache that was filled or one page that was given back does not make a
trend, and its interval is Tukey and McLaughlin's (1963, Sankhya A 25:331). Where readings have
noise of their own, rises repel each other and the interval is too wide, never too narrow.
"""

import math

import numpy as np
from numpy.typing import ArrayLike

from parrot_bench.distributions import student_quantile
from parrot_bench.errors import MeasurementError
from parrot_bench.record import Estimate
from parrot_bench.record.base import Unit

TRIMMED = 0.2
"""Share of the rises that is left out at either end."""

MIN_RISES = 10
"""Fewer say nothing of a trend."""


def trend(
    readings: ArrayLike, calls_between: float, unit: Unit, confidence: float = 0.95
) -> Estimate | None:
    """Return the rise per call of readings taken every ``calls_between`` calls.

    Args:
        readings: Shape (readings,), in the order taken, any unit.
        calls_between: Calls from one reading to the next.
        unit: Of the readings.
        confidence: Coverage of the interval.

    Returns:
        Trimmed mean of the rises, per call; None under 11 readings.

    Raises:
        MeasurementError: A reading is not finite.
    """
    rises = np.sort(np.diff(np.asarray(readings, dtype=np.float64)))
    if not np.isfinite(rises).all():
        raise MeasurementError("a reading is not finite; leave it out")
    count = rises.size
    if count < MIN_RISES:
        return None
    cut = int(TRIMMED * count)
    value = float(rises[cut : count - cut].mean())
    winsorized = np.clip(rises, rises[cut], rises[count - cut - 1])
    error = float(winsorized.std(ddof=1)) / ((1.0 - 2.0 * TRIMMED) * math.sqrt(count))
    arm = student_quantile(confidence, count - 2 * cut - 1) * error
    return Estimate(
        value=value / calls_between,
        low=(value - arm) / calls_between,
        high=(value + arm) / calls_between,
        confidence=confidence,
        count=count,
        unit=unit,
    )
