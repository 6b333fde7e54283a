"""Whether a ratio stayed what it was while it was measured."""

import math

import numpy as np
from numpy.typing import ArrayLike

from parrot_bench.distributions import chi_square_sf, normal_two_sided
from parrot_bench.estimates.series import (
    MIN_VERDICT_ROUNDS,
    SUPER_BLOCKS,
    Floats,
    as_series,
    finite_exp,
    row_medians,
    sorted_median,
    super_blocks,
)

STABILITY_LEVEL = 0.01

STRETCHES = 10
"""Into how many stretches a slow movement is looked at; the tests have 20, but the medians of
so many are as far apart by noise alone as a movement that matters."""

CLIPPED = 2.5
"""Standard deviations beyond which a round does not count as more: spikes are no movement."""


def movement(logs: ArrayLike) -> tuple[float, float]:
    """Return between what a log ratio moved while it was measured, noise taken out.

    The wider of two, as a ratio may move slowly or quickly. *Slowly*: from the smallest to the
    largest median of ten stretches, drawn together by the share of their variance that noise
    within the stretches explains. *Quickly*: twice the standard deviation that neighbouring
    rounds share (the root of their autocovariance) about the median, which is from one value to
    the other of a ratio that switches between two.

    Args:
        logs: Log ratios, shape (rounds,), in the order measured.

    Returns:
        Lower and upper log ratio; equal where nothing but noise is seen.
    """
    values = as_series(logs)
    quick, slow = _between_neighbours(values), _between_stretches(values)
    return max(quick, slow, key=lambda found: found[1] - found[0])


def instability(logs: Floats, level: float, delta: float) -> str:
    """Return the clause that says how a ratio moved, or nothing.

    Args:
        logs: Log ratios, shape (rounds,), in the order measured.
        level: Two tests ask whether it moved at all; it did where one has a p-value under this.
        delta: A ratio that moved from 1 to less than 1 + delta is stable: 700 rounds resolve what
            nobody cares about.
    """
    if min(runs_test(logs), heterogeneity(logs)) >= level:
        return ""
    low, high = movement(logs)
    if high - low <= math.log1p(delta):
        return ""
    return f"moved between {_figure(low)} and {_figure(high)} within the run"


def _figure(log: float) -> str:
    """Return a ratio with three digits: two that differ by over 2 % show it."""
    ratio = finite_exp(log)
    if ratio >= 100:  # noqa: PLR2004
        return f"{ratio:.0f}"
    # 0.998 beside 1.03 would have more digits than it deserves.
    return f"{ratio:.2f}" if 0.9 < ratio < 1 else f"{ratio:#.3g}"  # noqa: PLR2004


def _between_stretches(values: Floats) -> tuple[float, float]:
    stretches = super_blocks(values, STRETCHES)
    if stretches is None:
        return 0.0, 0.0
    medians = row_medians(stretches)
    quartiles = np.percentile(stretches, [25, 75], axis=1)
    scatter = (quartiles[1] - quartiles[0]) / 1.349  # the standard deviation, were it normal
    noise = math.pi / 2.0 * float((scatter**2).mean()) / stretches.shape[1]  # of a median
    between, centre = float(medians.var(ddof=1)), float(medians.mean())
    left = math.sqrt(max(0.0, 1.0 - noise / between)) if between > 0.0 else 0.0
    low, high = float(medians.min()), float(medians.max())
    return centre + left * (low - centre), centre + left * (high - centre)


def _between_neighbours(values: Floats) -> tuple[float, float]:
    centre = sorted_median(np.sort(values))
    reach = CLIPPED * 1.4826 * sorted_median(np.sort(np.abs(values - centre)))
    around = np.clip(values - centre, -reach, reach)
    around -= around.mean()
    shared = float((around[1:] * around[:-1]).mean()) if values.size > 1 else 0.0
    arm = math.sqrt(max(0.0, shared))
    return centre - arm, centre + arm


def runs_test(logs: ArrayLike) -> float:
    """Return the p-value of "which side of the median a round falls on is random".

    Two-sided, normal approximation with continuity correction (Wald and Wolfowitz 1940,
    Annals of Mathematical Statistics 11:147). Finds a ratio that switches every few rounds.

    Args:
        logs: Log ratios, shape (rounds,), in the order measured.

    Returns:
        The p-value; 1 where fewer than 10 rounds differ from the median.
    """
    values = as_series(logs)
    return _runs_test(values, sorted_median(np.sort(values)))


def heterogeneity(logs: ArrayLike, blocks: int = SUPER_BLOCKS) -> float:
    """Return the p-value of "all super-blocks have the same distribution".

    Kruskal and Wallis's rank test, corrected for ties (1952, Journal of the American
    Statistical Association 47:583). Finds a ratio that moves slowly.

    Args:
        logs: Log ratios, shape (rounds,), in the order measured.
        blocks: Most super-blocks to form; with under 100 rounds there are fewer.

    Returns:
        The p-value; 1 where the rounds are too few (under 25) for five super-blocks of five.
    """
    grouped = super_blocks(as_series(logs), blocks)
    if grouped is None:
        return 1.0
    count, size = grouped.shape
    n = grouped.size
    flat = grouped.ravel()
    order = np.argsort(flat)
    ordered = flat[order]
    # Equal values share the mean of their ranks; CPU clocks tick, so there are some.
    starts = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))
    lengths = np.diff(starts, append=n)
    if lengths.size == 1:
        return 1.0
    ranks = np.empty(n)
    ranks[order] = np.repeat(starts + (lengths + 1) / 2.0, lengths)
    sums = ranks.reshape(count, size).sum(axis=1)
    spread = 12.0 / (n * (n + 1.0)) * float((sums**2).sum()) / size - 3.0 * (n + 1.0)
    ties = 1.0 - float((lengths.astype(float) ** 3 - lengths).sum()) / (n**3 - n)
    return chi_square_sf(spread / ties, count - 1)


def _runs_test(values: Floats, median: float) -> float:
    """Return the p-value of the runs test about a given median."""
    above = values[values != median] > median
    n = above.size
    if n < MIN_VERDICT_ROUNDS:
        return 1.0
    high = int(np.count_nonzero(above))
    low = n - high
    runs = 1 + int(np.count_nonzero(above[1:] != above[:-1]))
    expected = 1.0 + 2.0 * high * low / n
    variance = (expected - 1.0) * (expected - 2.0) / (n - 1.0)
    if variance <= 0.0:
        return 1.0
    return normal_two_sided(max(0.0, abs(runs - expected) - 0.5) / math.sqrt(variance))
