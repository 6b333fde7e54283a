"""What ratios support, and how long it takes until they do."""

import math
from collections.abc import Mapping

from numpy.typing import ArrayLike

from parrot_bench.estimates.intervals import interval, p_value
from parrot_bench.estimates.series import MIN_VERDICT_ROUNDS, as_series
from parrot_bench.record import Estimate, Verdict


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
    series = {name: as_series(values) for name, values in logs.items()}
    tested = {n: p_value(v) for n, v in series.items() if v.size >= MIN_VERDICT_ROUNDS}
    adjusted = holm(tested)
    verdicts: dict[str, Verdict] = {}
    for name, values in series.items():
        value, low, high, _ = interval(values, confidence)
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


def _fraction(room: float, arm: float) -> float:
    """Return the share of its arm that an interval has room for; not over 1."""
    if room <= 0.0:
        return 0.0
    return 1.0 if arm <= room else room / arm
