"""Which releases are measured next, and what came out. Pure: ratios in, a conclusion out.

The last release is measured against the first. Where they differ by more than the threshold, the
release is looked for whose cost crosses half of the difference, each time against the first one:
there is one scale for all, and steps too small to be told add up to one that isn't. At the end that
release is measured against the one before it, which is what is asked for.
"""

from collections.abc import Generator
from dataclasses import dataclass
from math import ceil, log2, sqrt

from parrot_bench.record import BisectionVerdict, Estimate


@dataclass(frozen=True, kw_only=True)
class Conclusion:
    """What a search came to.

    Attributes:
        verdict: What it came to.
        ends: The last release over the first.
        release: Number of the release that changed it, from 0; None where none was looked for.
        step: That release over the one before it.
        doubtful: Releases whose interval reached over the half, so that the search may have gone
            the wrong way there.
    """

    verdict: BisectionVerdict
    ends: Estimate
    release: int | None = None
    step: Estimate | None = None
    doubtful: tuple[int, ...] = ()


Search = Generator[tuple[int, int], Estimate, Conclusion]
"""Yields the numbers of two releases, is sent the ratio of the first to the second."""


def search(releases: int, threshold: float) -> Search:
    """Look for the release that changed the cost.

    Args:
        releases: How many there are, in order; at least two.
        threshold: Differences within it are none: 0.02 is 2 %.
    """
    last = releases - 1
    ends = yield last, 0
    if ends.low > 1 / (1 + threshold) and ends.high < 1 + threshold:
        return Conclusion(verdict="no change", ends=ends)
    if ends.low < 1 + threshold and ends.high > 1 / (1 + threshold):
        return Conclusion(verdict="inconclusive", ends=ends)
    half = sqrt(ends.value)
    doubtful: list[int] = []
    over_first = {last: ends}
    before, after = 0, last
    while after - before > 1:
        middle = (before + after) // 2
        found = over_first[middle] = yield middle, 0
        if found.low <= half <= found.high:
            doubtful.append(middle)
        if (found.value > half) == (ends.value > 1):
            after = middle
        else:
            before = middle
    step = (yield after, before) if before else over_first[after]
    resolved = step.low > 1 if ends.value > 1 else step.high < 1
    return Conclusion(
        verdict="found" if resolved else "inconclusive",
        ends=ends,
        release=after,
        step=step,
        doubtful=tuple(doubtful),
    )


def most_comparisons(releases: int) -> int:
    """Return how many comparisons a search takes at most."""
    return 1 if releases == 2 else ceil(log2(releases - 1)) + 2  # noqa: PLR2004  # the ends alone
