"""From samples to estimates: a number, its interval, and whether to believe it.

Pure functions of arrays. This file does not know how a sample was taken, what a mode is or
what time it is. All arrays are one-dimensional and in the order in which they were measured,
because the order is what tells drift from noise.

The rules, and why they stand (simulations: ``docs/decisions/estimates-intervals.md``):

*   Ratios are taken round by round and on a log scale, so that noise shared by the two blocks
    of a round cancels, and so that swapping the two sides inverts the answer exactly.
*   An interval is, side by side, the wider of two. The *sign-test interval* is exact for any
    distribution, but takes rounds to be independent. The *super-block interval* takes only
    stretches of consecutive rounds to be independent, but leans on Student's t.
*   p-values are the larger of the same two tests, so that they agree with the interval.
"""

from parrot_bench.estimates.intervals import (
    first_fifth_against_rest,
    log_ratios,
    median_estimate,
    p_value,
    paired_ratio,
)
from parrot_bench.estimates.series import MIN_VERDICT_ROUNDS
from parrot_bench.estimates.stability import heterogeneity, movement, runs_test
from parrot_bench.estimates.verdicts import (
    agree,
    holm,
    holm_verdicts,
    relative_half_width,
    seconds_to_resolve,
    verdict,
    within,
)

__all__ = [
    "MIN_VERDICT_ROUNDS",
    "agree",
    "first_fifth_against_rest",
    "heterogeneity",
    "holm",
    "holm_verdicts",
    "log_ratios",
    "median_estimate",
    "movement",
    "p_value",
    "paired_ratio",
    "relative_half_width",
    "runs_test",
    "seconds_to_resolve",
    "verdict",
    "within",
]
