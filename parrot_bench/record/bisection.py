"""What a bisection found: which release changed the cost of a mode."""

from math import log
from typing import Final, Literal

from parrot_bench.record.base import Estimate, Saved

BISECTION_VERSION: Final = 1

BisectionVerdict = Literal["found", "no change", "inconclusive"]
"""One release changed the cost; the ends differ by less than the threshold; neither can be said."""


class ReleaseComparison(Saved):
    """Two releases that were measured.

    Attributes:
        release: The later one.
        base: The one that it is divided by.
        ratio: Of their costs, by the clock that decides.
        run: Name of the comparison's run directory.
    """

    release: str
    base: str
    ratio: Estimate
    run: str


class BisectionRecord(Saved):
    """What ``parrot-bench bisect`` writes beside its comparisons.

    Attributes:
        schema_version: Version of this schema.
        parrot_bench_version: Version of the harness.
        distribution: Whose releases they are.
        mode: The execution mode whose cost was looked at.
        releases: All releases within the bounds, oldest first.
        threshold: Differences within it are none: 0.02 is 2 %.
        verdict: What came out.
        ends: The last release over the first.
        release: The release that changed the cost; empty where none was looked for.
        before: The one before it.
        step: That release over the one before it; None where none was looked for.
        doubtful: Releases whose interval reached over half of the difference, so that the search
            may have gone the wrong way there.
        compared: What was measured, in order.
    """

    schema_version: Literal[1] = BISECTION_VERSION
    parrot_bench_version: str
    distribution: str
    mode: str
    releases: tuple[str, ...]
    threshold: float
    verdict: BisectionVerdict
    ends: Estimate
    release: str = ""
    before: str = ""
    step: Estimate | None = None
    doubtful: tuple[str, ...] = ()
    compared: tuple[ReleaseComparison, ...]

    @property
    def share(self) -> float | None:
        """What part of the difference of the ends the step is, in logarithms; None without one."""
        if self.step is None or self.ends.value == 1:
            return None
        return log(self.step.value) / log(self.ends.value)
