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

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

from parrot_bench.distributions import (
    binomial_cdf,
    chi_square_sf,
    normal_two_sided,
    order_ranks,
    student_quantile,
    student_two_sided,
)
from parrot_bench.errors import MeasurementError
from parrot_bench.record import Estimate, Verdict

Floats = NDArray[np.float64]

SUPER_BLOCKS = 20
MIN_SUPER_BLOCKS = 5  # with fewer, Student's t is wider than anyone can use
MIN_SUPER_BLOCK_ROUNDS = 5  # the median of five survives two spikes
MIN_VERDICT_ROUNDS = 10
STABILITY_LEVEL = 0.01


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
    above, below = _series(mode, least=0), _series(baseline, least=0)
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
    mode: ArrayLike, baseline: ArrayLike, *, confidence: float = 0.95, comparisons: int = 1
) -> Estimate:
    """Return the ratio of two modes measured in the same rounds.

    Args:
        mode: Time per call of the mode's block, shape (rounds,), any unit.
        baseline: The same for the baseline's block of the same round, same unit.
        confidence: Coverage of the interval; of all the intervals together when
            ``comparisons`` is over 1.
        comparisons: How many intervals are read together (Bonferroni). The level of the
            stability tests is divided by it too.

    Returns:
        Median of the per-round ratios. With too few rounds for the confidence, the interval
        runs from the smallest to the largest ratio, ``confidence`` says what that covers
        (1 - 2^(1-n) of n rounds) and ``note`` says so. Not ``stable`` when the ratios of
        neighbouring rounds hang together or those of super-blocks differ, p < 0.01.

    Raises:
        MeasurementError: The arrays cannot be paired (see `log_ratios`) or are empty.
    """
    logs = _series(log_ratios(mode, baseline))
    value, low, high, reached = _interval(logs, 1.0 - (1.0 - confidence) / comparisons)
    notes = []
    if comparisons > 1:
        notes.append(f"joint over {comparisons} comparisons")
    if reached is not None:
        confidence = max(0.0, 1.0 - comparisons * (1.0 - reached))
        notes.append(_too_few(logs.size))
    shaky = _instability(logs, STABILITY_LEVEL / comparisons)
    if shaky:
        notes.append(shaky)
    return Estimate(
        value=_exp(value),
        low=_exp(low),
        high=_exp(high),
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
    values = _series(values_ns)
    value, low, high, reached = _sign_interval(values, confidence)
    if values.min() > 0.0:  # on a log scale the lower bound of positive times stays positive
        factor = _exp(_super_block_arm(np.log(values), confidence))
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
    values = _series(logs)
    against = values.size - max(int((values > 0.0).sum()), int((values < 0.0).sum()))
    sign = min(1.0, 2.0 * binomial_cdf(against, values.size))
    blocks = _super_blocks(values)
    if blocks is None:
        return sign
    value, error = _median(np.sort(values)), _standard_error(blocks)
    if error == 0.0:
        return sign
    return max(sign, student_two_sided(value / error, blocks.shape[0] - 1))


def verdict(ratio: Estimate, delta: float) -> Verdict:
    """Say what a ratio's interval alone supports.

    A direction comes before "same": an interval from 1.003 to 1.007 is *slower*, although it
    lies inside ±2 %, because hiding a difference that was found is worse than reporting a
    small one. Ask `within` whether it is also negligible.

    Args:
        ratio: A ratio to the baseline.
        delta: Ratios from 1/(1 + delta) to 1 + delta are called the same.

    Returns:
        ``slower``, ``faster``, ``same`` or ``not resolved``; always the last under 10 rounds.
    """
    if ratio.count < MIN_VERDICT_ROUNDS:
        return "not resolved"
    if ratio.low > 1.0:
        return "slower"
    if ratio.high < 1.0:
        return "faster"
    return "same" if within(ratio, delta) else "not resolved"


def within(ratio: Estimate, delta: float) -> bool:
    """Whether the whole interval lies between 1/(1 + delta) and 1 + delta."""
    return ratio.low >= 1.0 / (1.0 + delta) and ratio.high <= 1.0 + delta


def holm(p_values: Mapping[str, float]) -> dict[str, float]:
    """Return Holm's adjusted p-values, in the order given.

    Rejecting those at most alpha keeps the chance of any false rejection at alpha, however
    the tests depend on each other (Holm 1979, Scandinavian Journal of Statistics 6:65).
    """
    adjusted: dict[str, float] = {}
    largest = 0.0
    ordered = sorted(p_values, key=p_values.__getitem__)
    for rank, name in enumerate(ordered):
        largest = max(largest, min(1.0, (len(ordered) - rank) * p_values[name]))
        adjusted[name] = largest
    return {name: adjusted[name] for name in p_values}


def holm_verdicts(
    logs: Mapping[str, ArrayLike], delta: float, confidence: float = 0.95
) -> dict[str, Verdict]:
    """Say of every mode what its log ratios support, all modes read together.

    Args:
        logs: Mode name to log ratios, each of shape (its rounds,), in the order measured.
        delta: Ratios from 1/(1 + delta) to 1 + delta are called the same.
        confidence: 1 minus the chance that any equal mode is called slower or faster.

    Returns:
        Mode name to verdict. *Slower* and *faster* are Holm's; *same* is each mode's own,
        from its interval at ``confidence``. Modes under 10 rounds are not resolved, and not
        among the tests that the others are adjusted for.

    Raises:
        MeasurementError: A mode has no value, or one that is not finite.
    """
    series = {name: _series(values) for name, values in logs.items()}
    tested = {n: p_value(v) for n, v in series.items() if v.size >= MIN_VERDICT_ROUNDS}
    adjusted = holm(tested)
    verdicts: dict[str, Verdict] = {}
    for name, values in series.items():
        value, low, high, _ = _interval(values, confidence)
        if name not in adjusted:
            verdicts[name] = "not resolved"
        elif adjusted[name] <= 1.0 - confidence:
            verdicts[name] = "slower" if value > 0.0 else "faster"
        elif max(high, -low) <= math.log1p(delta):
            verdicts[name] = "same"
        else:
            verdicts[name] = "not resolved"
    return verdicts


def agree(cpu: Estimate, wall: Estimate, delta: float) -> bool:
    """Whether the two clocks' findings can both be true.

    They cannot when one says slower and the other faster, or when one says *same* and the
    other's interval lies wholly outside ±delta. An unresolved clock contradicts nothing.

    Args:
        cpu: Ratio of CPU time.
        wall: Ratio of wall time.
        delta: As in `verdict`.
    """
    for one, other in ((cpu, wall), (wall, cpu)):
        found, against = verdict(one, delta), verdict(other, delta)
        if found == "slower" and against == "faster":
            return False
        outside = other.low > 1.0 + delta or other.high < 1.0 / (1.0 + delta)
        if found == "same" and against != "not resolved" and outside:
            return False
    return True


def relative_half_width(estimate: Estimate) -> float:
    """Return the longer arm of the interval on a log scale: 0.02 is about ±2 %.

    The stop rule looks at this and never at the value. Infinite under 10 rounds, and for an
    interval that reaches zero, so that neither ever looks narrow enough.
    """
    if estimate.count < MIN_VERDICT_ROUNDS or estimate.low <= 0.0:
        return math.inf
    below = math.log(estimate.value / estimate.low)
    return max(below, math.log(estimate.high / estimate.value))


def seconds_to_resolve(ratio: Estimate, delta: float, elapsed_s: float) -> float | None:
    """Return how long the rounds would have to run in all for a verdict.

    Arms shrink with the square root of the number of rounds; the value is taken to stay. So
    the answer is a guess, good to a factor of two or so.

    Args:
        ratio: The ratio so far. Where Holm decides pass the Bonferroni one: it is resolved
            only if Holm's verdict is, and errs on the long side.
        delta: As in `verdict`.
        elapsed_s: Seconds the rounds have run.

    Returns:
        Seconds from the first round on, at least ``elapsed_s``; None when it is resolved.
    """
    if verdict(ratio, delta) != "not resolved":
        return None
    enough_rounds = max(1.0, MIN_VERDICT_ROUNDS / ratio.count)
    value, edge = math.log(ratio.value), math.log1p(delta)
    below, above = value - math.log(ratio.low), math.log(ratio.high) - value
    # By how much the arms must shrink to leave 1 outside, or to fit inside ±delta.
    leaves_out_one = _fraction(abs(value), below if value > 0.0 else above)
    fits_inside = min(_fraction(edge - value, above), _fraction(edge + value, below))
    shrink = min(1.0, max(leaves_out_one, fits_inside))
    return elapsed_s * max(enough_rounds, shrink**-2)


def runs_test(logs: ArrayLike) -> float:
    """Return the p-value of "which side of the median a round falls on is random".

    Two-sided, normal approximation with continuity correction (Wald and Wolfowitz 1940,
    Annals of Mathematical Statistics 11:147). Finds a ratio that switches every few rounds.

    Args:
        logs: Log ratios, shape (rounds,), in the order measured.

    Returns:
        The p-value; 1 where fewer than 10 rounds differ from the median.
    """
    values = _series(logs)
    return _runs_test(values, _median(np.sort(values)))


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
    grouped = _super_blocks(_series(logs), blocks)
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
    times = _series(values)
    logs = log_ratios(times, np.ones_like(times))
    if logs.size < MIN_SUPER_BLOCKS * MIN_SUPER_BLOCK_ROUNDS:
        return None
    count = 10 if logs.size >= 100 else 5  # noqa: PLR2004  # blocks of ten outlast most noise
    first = count // 5
    size = logs.size // count
    # The last rounds are left over here, so that the first fifth begins with the first.
    grouped = logs[: count * size].reshape(count, size)
    cut = first * size
    value = _median(np.sort(logs[:cut])) - _median(np.sort(logs[cut:]))
    medians = _row_medians(grouped)
    early, late = medians[:first], medians[first:]
    scatter = float(((early - early.mean()) ** 2).sum() + ((late - late.mean()) ** 2).sum())
    error = math.sqrt(scatter / (count - 2) * (1.0 / first + 1.0 / (count - first)))
    arm = student_quantile(confidence, count - 2) * error
    return Estimate(
        value=_exp(value),
        low=_exp(value - arm),
        high=_exp(value + arm),
        confidence=confidence,
        count=logs.size,
        unit="ratio",
    )


def _series(values: ArrayLike, *, least: int = 1) -> Floats:
    """Return a one-dimensional array of finite numbers, or say what is wrong."""
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or array.size < least:
        raise MeasurementError(f"an array of shape {array.shape}; expected one value a round")
    if not np.isfinite(array).all():
        raise MeasurementError("a value is not finite; leave out rounds that were not finished")
    return array


def _median(ordered: Floats) -> float:
    """Return the median of sorted values; numpy's own is ten times slower on short arrays."""
    n = ordered.size
    return float(ordered[(n - 1) // 2] + ordered[n // 2]) / 2.0


def _row_medians(blocks: Floats) -> Floats:
    """Return the median of each row, shape (rows,)."""
    ordered = np.sort(blocks, axis=1)
    size = blocks.shape[1]
    medians: Floats = (ordered[:, (size - 1) // 2] + ordered[:, size // 2]) / 2.0
    return medians


def _super_blocks(values: Floats, most: int = SUPER_BLOCKS) -> Floats | None:
    """Cut rounds into super-blocks of consecutive rounds, all of one size.

    ``most`` of them, or fewer so that each has at least five rounds; None when that leaves
    fewer than five. Rounds that are left over are the first, as warm-up is nearest to them.
    """
    count = min(most, values.size // MIN_SUPER_BLOCK_ROUNDS)
    if count < MIN_SUPER_BLOCKS:
        return None
    size = values.size // count
    return values[values.size - count * size :].reshape(count, size)


def _standard_error(blocks: Floats) -> float:
    """Return the standard error of the mean of the super-blocks' medians."""
    medians = _row_medians(blocks)
    return float(medians.std(ddof=1)) / math.sqrt(medians.size)


def _interval(values: Floats, confidence: float) -> tuple[float, float, float, float | None]:
    """Return the median and, side by side, the wider of the two intervals.

    Returns:
        As `_sign_interval`.
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
    return _median(ordered), low, high, reached


def _super_block_arm(values: Floats, confidence: float) -> float:
    """Return Student's t times the standard error over super-blocks; 0 under 25 rounds.

    It is laid around the median of all values: the mean of the super-blocks' medians is
    biased for skewed values, their scatter is not.
    """
    blocks = _super_blocks(values)
    if blocks is None:
        return 0.0
    return student_quantile(confidence, blocks.shape[0] - 1) * _standard_error(blocks)


def _instability(logs: Floats, level: float) -> str:
    """Return the clause that says why the ratio cannot be trusted, or nothing."""
    runs, between = _runs_test(logs, _median(np.sort(logs))), heterogeneity(logs)
    if min(runs, between) >= level:
        return ""
    return f"the host changed the ratio itself (runs p={runs:.2g}, super-blocks p={between:.2g})"


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


def _exp(log: float) -> float:
    """Return a finite and positive exponential: JSON has no infinity, zero has no logarithm."""
    return math.exp(min(700.0, max(-700.0, log)))


def _fraction(room: float, arm: float) -> float:
    """Return the share of its arm that an interval has room for; not over 1."""
    if room <= 0.0:
        return 0.0
    return 1.0 if arm <= room else room / arm


def _too_few(n: int) -> str:
    return f"{n} are too few for the confidence asked for, so smallest to largest"
