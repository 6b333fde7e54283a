"""Up to which rate the objectives are kept: which is tried next, and what came out. Pure.

From a first rate up or down in factors of two until one is kept and a higher one is not, then by
halves of the distance between the two on a log scale. The highest that was kept has to be kept
three times, as one that stands at the boundary is kept now and then.
"""

from collections.abc import Generator
from dataclasses import dataclass
from math import sqrt

FACTOR = 2.0
NARROW = 1.1
"""Rates that are so near to each other are not told apart."""

CONFIRMED = 3
"""How often a rate has to be kept."""

LOWEST, HIGHEST = 0.001, 100_000.0
MOST_TRIALS = 40


@dataclass(frozen=True, slots=True)
class Boundary:
    """Where the objectives stop being kept.

    Attributes:
        kept: The highest rate at which they were kept three times; None where there was none.
        missed: The lowest at which they were not; None where all were kept.
        trials: Levels that it took.
    """

    kept: float | None
    missed: float | None
    trials: int


Search = Generator[float, bool, Boundary]
"""Yields rates to try, and is sent whether the objectives were kept."""


def search(first: float) -> Search:
    """Look for the boundary.

    Args:
        first: The rate to begin with, calls a second.
    """
    times: dict[float, int] = {}
    kept, missed = 0.0, HIGHEST * FACTOR
    rate, trials = first, 0
    while trials < MOST_TRIALS:
        trials += 1
        if (yield rate):
            times[rate] = times.get(rate, 0) + 1
            kept = max(kept, rate)
        else:
            missed = min(missed, rate)
            # What was kept above it, or just here, was kept by luck.
            kept = max((each for each in times if each < missed), default=0.0)
        following = _next(kept, missed, times)
        if following is None:
            break
        rate = following
    confirmed = [each for each, number in times.items() if number >= CONFIRMED and each < missed]
    return Boundary(
        kept=max(confirmed, default=None),
        missed=missed if missed <= HIGHEST else None,
        trials=trials,
    )


def _next(kept: float, missed: float, times: dict[float, int]) -> float | None:
    """The rate to try next; None where there is nothing more to know."""
    if not kept:
        return missed / FACTOR if missed / FACTOR >= LOWEST else None
    if missed > HIGHEST and kept * FACTOR <= HIGHEST:
        return kept * FACTOR
    if missed <= HIGHEST and missed / kept > NARROW:
        return sqrt(kept * missed)
    return kept if times[kept] < CONFIRMED else None
