"""Ratios and times with their intervals."""

import math

import numpy as np
from numpy.typing import ArrayLike

from parrot_bench.distributions import (
    binomial_cdf,
    order_ranks,
    student_quantile,
    student_two_sided,
)
from parrot_bench.errors import MeasurementError
from parrot_bench.estimates.series import (
    MIN_SUPER_BLOCK_ROUNDS,
    MIN_SUPER_BLOCKS,
    Floats,
    as_series,
    finite_exp,
    row_medians,
    sorted_median,
    super_blocks,
)
from parrot_bench.estimates.stability import STABILITY_LEVEL, instability
from parrot_bench.record import Estimate


def log_ratios(mode: ArrayLike, baseline: ArrayLike) -> Floats:
    """Return the log of mode over baseline, round by round.

    Args:
        mode: Time per call of the mode's block, shape (rounds,), any unit.
        baseline: The same for the baseline's block of the same round, same unit.

    Returns:
        Natural logarithms, shape (rounds,); empty before the first round.

    Raises:
        MeasurementError: The two differ in shape, or a time is not positive and finite.
    """
    above, below = as_series(mode, least=0), as_series(baseline, least=0)
    if above.shape != below.shape:
        raise MeasurementError(
            f"{above.size} rounds of the mode against {below.size} of its baseline; "
            "a paired ratio needs both blocks of every round"
        )
    bad = int(np.count_nonzero((above <= 0.0) | (below <= 0.0)))
    if bad:
        raise MeasurementError(
            f"{bad} of {above.size} rounds have a block that took no time; "
            "the clock is too coarse for these blocks, make them longer"
        )
    return np.log(above / below)


def paired_ratio(
    mode: ArrayLike,
    baseline: ArrayLike,
    *,
    confidence: float = 0.95,
    comparisons: int = 1,
    delta: float = 0.02,
) -> Estimate:
    """Return the ratio of two modes measured in the same rounds.

    Args:
        mode: Time per call of the mode's block, shape (rounds,), any unit.
        baseline: The same for the baseline's block of the same round, same unit.
        confidence: Coverage of the interval; of all the intervals together when
            ``comparisons`` is over 1.
        comparisons: How many intervals are read together (Bonferroni). The level of the
            stability tests is divided by it too.
        delta: A ratio that moved by less within the run is called stable.

    Returns:
        Median of the per-round ratios. With too few rounds for the confidence, the interval
        runs from the smallest to the largest ratio, ``confidence`` says what that covers
        (1 - 2^(1-n) of n rounds) and ``note`` says so. Not ``stable`` when the ratios of
        neighbouring rounds hang together or those of super-blocks differ (p < 0.01) and the ratio
        moved by over ``delta``; ``note`` then says from where to where.

    Raises:
        MeasurementError: The arrays cannot be paired (see `log_ratios`) or are empty.
    """
    logs = as_series(log_ratios(mode, baseline))
    value, low, high, reached = interval(logs, 1.0 - (1.0 - confidence) / comparisons)
    notes = []
    if comparisons > 1:
        notes.append(f"joint over {comparisons} comparisons")
    if reached is not None:
        confidence = max(0.0, 1.0 - comparisons * (1.0 - reached))
        notes.append(_too_few(logs.size))
    shaky = instability(logs, STABILITY_LEVEL / comparisons, delta)
    if shaky:
        notes.append(shaky)
    return Estimate(
        value=finite_exp(value),
        low=finite_exp(low),
        high=finite_exp(high),
        confidence=confidence,
        count=logs.size,
        unit="ratio",
        stable=not shaky,
        note="; ".join(notes),
    )


def median_estimate(values_ns: ArrayLike, confidence: float = 0.95) -> Estimate:
    """Return the median of times, with the wider of the two intervals.

    The exact interval alone would be too narrow for block times, whose lag-1 autocorrelation
    was 0.81: it then covers 57 % where it says 95. The wider of the two covers 94 % from
    1,000 rounds on, 91 % at 300, but 80 % at 100; times of short runs stay rough, and only
    ratios are to be compared.

    Args:
        values_ns: Nanoseconds, shape (rounds,), in the order measured; may be negative, as a
            difference of times is.
        confidence: Coverage of the interval.

    Raises:
        MeasurementError: There is no value, or one is not finite.
    """
    values = as_series(values_ns)
    value, low, high, reached = _sign_interval(values, confidence)
    if values.min() > 0.0:  # on a log scale the lower bound of positive times stays positive
        factor = finite_exp(_super_block_arm(np.log(values), confidence))
        low, high = min(low, value / factor), max(high, value * factor)
    else:
        arm = _super_block_arm(values, confidence)
        low, high = min(low, value - arm), max(high, value + arm)
    return Estimate(
        value=value,
        low=low,
        high=high,
        confidence=confidence if reached is None else reached,
        count=values.size,
        unit="ns",
        note="" if reached is None else _too_few(values.size),
    )


def p_value(logs: ArrayLike) -> float:
    """Return the two-sided p-value of "the ratio is 1", consistent with the interval.

    The larger of the exact sign test and the t-test over super-blocks: it is at most alpha
    exactly when the interval of `paired_ratio` at confidence 1 - alpha excludes 1. A ratio of
    exactly 1 counts against a difference, whichever way the others point.

    Args:
        logs: Log ratios, shape (rounds,), in the order measured.

    Raises:
        MeasurementError: There is no value, or one is not finite.
    """
    values = as_series(logs)
    against = values.size - max(int((values > 0.0).sum()), int((values < 0.0).sum()))
    sign = min(1.0, 2.0 * binomial_cdf(against, values.size))
    blocks = super_blocks(values)
    if blocks is None:
        return sign
    value, error = sorted_median(np.sort(values)), _standard_error(blocks)
    if error == 0.0:
        return sign
    return max(sign, student_two_sided(value / error, blocks.shape[0] - 1))


def first_fifth_against_rest(values: ArrayLike, confidence: float = 0.95) -> Estimate | None:
    """Return the ratio of the first fifth of the rounds to the rest: was warm-up over?

    Block times drift, so rounds are not independent: the interval is Student's t over
    the log medians of ten super-blocks (five under 100 rounds), two (one) against the rest,
    with a pooled variance.

    Args:
        values: Times per call, shape (rounds,), positive, any unit, in the order measured.
        confidence: Coverage of the interval.

    Returns:
        The ratio of the medians, over 1 when the first rounds were slower; None under 25
        rounds, which are too few to split.

    Raises:
        MeasurementError: A time is not positive or not finite.
    """
    times = as_series(values)
    logs = log_ratios(times, np.ones_like(times))
    if logs.size < MIN_SUPER_BLOCKS * MIN_SUPER_BLOCK_ROUNDS:
        return None
    count = 10 if logs.size >= 100 else 5  # noqa: PLR2004  # blocks of ten outlast most noise
    first = count // 5
    size = logs.size // count
    # The last rounds are left over here, so that the first fifth begins with the first.
    grouped = logs[: count * size].reshape(count, size)
    cut = first * size
    value = sorted_median(np.sort(logs[:cut])) - sorted_median(np.sort(logs[cut:]))
    medians = row_medians(grouped)
    early, late = medians[:first], medians[first:]
    scatter = float(((early - early.mean()) ** 2).sum() + ((late - late.mean()) ** 2).sum())
    error = math.sqrt(scatter / (count - 2) * (1.0 / first + 1.0 / (count - first)))
    arm = student_quantile(confidence, count - 2) * error
    return Estimate(
        value=finite_exp(value),
        low=finite_exp(value - arm),
        high=finite_exp(value + arm),
        confidence=confidence,
        count=logs.size,
        unit="ratio",
    )


def _standard_error(blocks: Floats) -> float:
    """Return the standard error of the mean of the super-blocks' medians."""
    medians = row_medians(blocks)
    return float(medians.std(ddof=1)) / math.sqrt(medians.size)


def interval(values: Floats, confidence: float) -> tuple[float, float, float, float | None]:
    """Return the median and, side by side, the wider of the two intervals.

    Returns:
        As `sign_interval`.
    """
    value, low, high, reached = _sign_interval(values, confidence)
    arm = _super_block_arm(values, confidence)
    return value, min(low, value - arm), max(high, value + arm), reached


def _sign_interval(values: Floats, confidence: float) -> tuple[float, float, float, float | None]:
    """Return the median and the order statistics around it that the sign test accepts.

    Returns:
        Value, low, high, and None; instead of None the confidence of smallest to largest,
        1 - 2^(1-n), when the values are too few for the one asked for. Infinite bounds would
        be as honest, but JSON has none and nobody can draw them.
    """
    ordered = np.sort(values)
    ranks = order_ranks(values.size, 0.5, confidence)
    reached = None
    if ranks is None:
        ranks = 1, values.size
        reached = 1.0 - 2.0 ** (1 - values.size)
    low, high = float(ordered[ranks[0] - 1]), float(ordered[ranks[1] - 1])
    return sorted_median(ordered), low, high, reached


def _super_block_arm(values: Floats, confidence: float) -> float:
    """Return Student's t times the standard error over super-blocks; 0 under 25 rounds.

    It is laid around the median of all values: the mean of the super-blocks' medians is
    biased for skewed values, their scatter is not.
    """
    blocks = super_blocks(values)
    if blocks is None:
        return 0.0
    return student_quantile(confidence, blocks.shape[0] - 1) * _standard_error(blocks)


def _too_few(n: int) -> str:
    return f"{n} are too few for the confidence asked for, so smallest to largest"
