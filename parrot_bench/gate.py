"""From intervals to verdicts between two sides, and to an exit status. Pure functions."""

import math
from collections.abc import Iterable, Mapping

import numpy as np

from parrot_bench.estimates import holm, within
from parrot_bench.outer import MIN_UNITS, outer_p_value
from parrot_bench.record import Estimate, GateVerdict, Verdict

EXIT_STATUS: dict[GateVerdict, int] = {
    "pass": 0,
    "regression": 1,
    "inconclusive": 3,
    "not measured": 4,
}

WORST_FIRST: tuple[GateVerdict, ...] = ("regression", "not measured", "inconclusive", "pass")
"""Of several modes the worst decides: what was found before what could not be looked at, that
before what was looked at and not decided."""


def gate(ratio: Estimate | None, fail_on: float, least: int = MIN_UNITS) -> GateVerdict:
    """Judge a ratio of candidate to baseline against a threshold.

    Args:
        ratio: The ratio with its interval; None when there is none.
        fail_on: 0.01: slower by more than 1 % fails.
        least: Units under which nothing is decided.

    Returns:
        ``pass`` when the whole interval is under the threshold, ``regression`` when all of it
        is over, ``inconclusive`` between.
    """
    if ratio is None:
        return "not measured"
    if ratio.count < least:
        return "inconclusive"
    if ratio.high < 1.0 + fail_on:
        return "pass"
    return "regression" if ratio.low > 1.0 + fail_on else "inconclusive"


def worst(verdicts: Iterable[GateVerdict]) -> GateVerdict:
    """The verdict that decides for all; ``not measured`` of none."""
    return min(verdicts, key=WORST_FIRST.index, default="not measured")


def verdicts(
    units: Mapping[str, "np.typing.ArrayLike"],
    ratios: Mapping[str, Estimate | None],
    delta: float,
    confidence: float = 0.95,
) -> dict[str, Verdict]:
    """Say of every mode what its units support, all modes read together (Holm).

    Args:
        units: Mode to one log ratio a unit.
        ratios: Mode to its ratio, from the same units.
        delta: Ratios inside ±delta are called the same.
        confidence: 1 minus the chance that any equal mode is called slower or faster.
    """
    enough = {mode: logs for mode, logs in units.items() if np.size(logs) >= MIN_UNITS}
    adjusted = holm({mode: outer_p_value(logs) for mode, logs in enough.items()})
    found: dict[str, Verdict] = {}
    for mode in units:
        ratio = ratios[mode]
        if ratio is None:
            found[mode] = "not measured"
        elif mode in adjusted and adjusted[mode] <= 1.0 - confidence and ratio.value != 1.0:
            found[mode] = "slower" if ratio.value > 1.0 else "faster"
        elif mode in adjusted and within(ratio, delta):
            found[mode] = "same"
        else:
            found[mode] = "not resolved"
    return found


def wide(ratio: Estimate | None, target: float) -> bool:
    """Whether an interval's arms are longer than a target; it never looks at the value."""
    return ratio is None or math.log(ratio.high / ratio.value) > math.log1p(target)
