"""Estimates whose unit is a process, a pair of processes, or a run. Pure functions.

What a process measures depends on that process: its hash seed, where its memory lies, which
processor it was given. Ten thousand rounds do not average that away; other processes do. So
each unit gives one number, the median of its rounds, and the interval is Student's t over the
units. Why t, and why so many units: ``docs/decisions/comparing-pairs.md``.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from parrot_bench.distributions import student_quantile, student_two_sided
from parrot_bench.errors import MeasurementError
from parrot_bench.estimates.series import Floats, finite_exp
from parrot_bench.record import Estimate

MIN_UNITS = 3
"""Units under which nothing is said: two say next to nothing of how units differ."""

_MEDIAN_ERROR = 1.2533 * 1.4826
"""Standard error of a median of n normal values is 1.2533 s/√n, and s is 1.4826 MAD."""


@dataclass(frozen=True)
class Spread:
    """Where the scatter of the units comes from, as standard deviations of log ratios.

    Attributes:
        between: Of the units' numbers.
        within: What each unit's own rounds contribute to that.
    """

    between: float
    within: float


def unit_value(logs: ArrayLike) -> float:
    """The number that one unit gives: the median of its rounds' log ratios.

    Over 27 pairs of a busy machine the medians scattered by 2.9 %, where means (4.5 %), trimmed
    means (3.1-4.2 %) and Hodges-Lehmann estimates (3.4 %) of the same rounds scattered more.
    """
    values = np.asarray(logs, dtype=np.float64)
    if not values.size or not np.isfinite(values).all():
        raise MeasurementError("a unit without rounds has no ratio; leave it out")
    return float(np.median(values))


def outer_ratio(units: ArrayLike, *, confidence: float = 0.95, note: str = "") -> Estimate | None:
    """The ratio over units, with Student's t interval.

    Args:
        units: One log ratio a unit, shape (units,).
        confidence: Coverage of the interval.
        note: Said with it.

    Returns:
        The geometric mean; None under two units, which have no interval.
    """
    values = np.asarray(units, dtype=np.float64)
    if values.size < 2:  # noqa: PLR2004  # a scatter needs two
        return None
    value = float(values.mean())
    arm = student_quantile(confidence, values.size - 1) * _error(values)
    return Estimate(
        value=finite_exp(value),
        low=finite_exp(value - arm),
        high=finite_exp(value + arm),
        confidence=confidence,
        count=values.size,
        unit="ratio",
        note=note,
    )


def outer_p_value(units: ArrayLike) -> float:
    """Two-sided p-value of "the ratio is 1", consistent with :func:`outer_ratio`'s interval."""
    values = np.asarray(units, dtype=np.float64)
    if values.size < 2:  # noqa: PLR2004
        return 1.0
    error = _error(values)
    if error == 0.0:
        return 1.0 if values[0] == 0.0 else 0.0
    return student_two_sided(float(values.mean()) / error, values.size - 1)


@dataclass(frozen=True)
class Groups:
    """Two groups of units that were not measured in pairs: saved runs.

    Attributes:
        candidate: Logs of one time a run, shape (its runs,).
        baseline: The same for the other side.
    """

    candidate: Floats
    baseline: Floats

    @property
    def count(self) -> int:
        """Units of the smaller group."""
        return min(self.candidate.size, self.baseline.size)

    @property
    def enough(self) -> bool:
        """Whether both groups tell how their units differ."""
        return self.count >= MIN_UNITS

    @property
    def difference(self) -> float:
        """Log of the ratio of geometric means."""
        return float(self.candidate.mean() - self.baseline.mean())

    def ratio(self, confidence: float) -> Estimate:
        """The ratio with Welch's interval (1947, Biometrika 34:28)."""
        error, freedom = self._error()
        arm = student_quantile(confidence, freedom) * error
        return Estimate(
            value=finite_exp(self.difference),
            low=finite_exp(self.difference - arm),
            high=finite_exp(self.difference + arm),
            confidence=confidence,
            count=self.count,
            unit="ratio",
        )

    def p_value(self) -> float:
        """Two-sided p-value of "the ratio is 1", consistent with the interval."""
        error, freedom = self._error()
        if error == 0.0:
            return 1.0 if self.difference == 0.0 else 0.0
        return student_two_sided(self.difference / error, freedom)

    def _error(self) -> tuple[float, float]:
        """Standard error of the difference, and Satterthwaite's degrees of freedom."""
        parts = [float(g.var(ddof=1)) / g.size for g in (self.candidate, self.baseline)]
        sizes = (self.candidate.size, self.baseline.size)
        total = sum(parts)
        if total == 0.0:
            return 0.0, float(sum(sizes) - 2)
        # By shares of it: the squares of what is small enough are nothing.
        below = sum(
            (part / total) ** 2 / (size - 1) for part, size in zip(parts, sizes, strict=True)
        )
        return math.sqrt(total), 1 / below


def spread(rounds: Sequence[ArrayLike]) -> Spread | None:
    """Say where the scatter of the units comes from.

    Args:
        rounds: Log ratios of each unit's rounds, each of shape (its rounds,).

    Returns:
        None under two units.
    """
    series = [np.asarray(logs, dtype=np.float64) for logs in rounds]
    if len(series) < 2:  # noqa: PLR2004
        return None
    medians = np.array([np.median(logs) for logs in series])
    errors = [
        _MEDIAN_ERROR * float(np.median(np.abs(logs - median))) / math.sqrt(logs.size)
        for logs, median in zip(series, medians, strict=True)
    ]
    within = math.sqrt(float(np.mean(np.square(errors))))
    return Spread(between=float(medians.std(ddof=1)), within=within)


def _error(values: Floats) -> float:
    return float(values.std(ddof=1)) / math.sqrt(values.size)
