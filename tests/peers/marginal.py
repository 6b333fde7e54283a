"""What tracing adds to a call, over what the floor adds: the stricter ratio."""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from parrot_bench.errors import MeasurementError
from parrot_bench.estimates import median_estimate
from parrot_bench.record import Estimate

_WIDEST = 1e4
_STEPS = 60  # halvings of the widest bracket, down to the last bits of a double


def marginal_ratio(traced: ArrayLike, floor: ArrayLike, untraced: ArrayLike) -> Estimate:
    """Return (traced - untraced) / (floor - untraced), measured in the same rounds.

    Dividing the differences of every round would divide by noise: some floors' blocks take no
    longer than the untraced ones beside them. So the ratio is the x for which the differences
    ``(traced - untraced) - x (floor - untraced)`` have the median 0, and its interval holds
    every x for which the median's interval includes 0 (Fieller 1954, Journal of the Royal
    Statistical Society B 16:175, with medians for means).

    Args:
        traced: Time per call, shape (rounds,), any unit.
        floor: The same of the floor.
        untraced: The same of calls without tracing; zeros where the floor is no call.

    Raises:
        MeasurementError: The three differ in shape, or the rounds don't show that the floor
            adds anything.
    """
    over, under, without = (np.asarray(times, dtype=float) for times in (traced, floor, untraced))
    if not over.shape == under.shape == without.shape:
        raise MeasurementError(
            f"{over.size} traced, {under.size} floor and {without.size} untraced rounds; "
            "a marginal ratio needs all three blocks of every round"
        )
    above, unit = over - without, under - without
    added = median_estimate(unit)
    if added.low <= 0.0:
        raise MeasurementError(
            f"{added.count} rounds don't show that the floor adds anything to a call; "
            "take more rounds"
        )

    def at(x: float) -> Estimate:
        return median_estimate(above - x * unit)

    return Estimate(
        value=_root(lambda x: at(x).value),
        low=_root(lambda x: at(x).low),
        high=_root(lambda x: at(x).high),
        confidence=added.confidence,
        count=added.count,
        unit="ratio",
        note=added.note,
    )


def _root(falling: Callable[[float], float]) -> float:
    """Return where a falling function crosses 0, by bisection."""
    low, high = -_WIDEST, _WIDEST
    for _ in range(_STEPS):
        middle = (low + high) / 2
        if falling(middle) > 0.0:
            low = middle
        else:
            high = middle
    return (low + high) / 2
