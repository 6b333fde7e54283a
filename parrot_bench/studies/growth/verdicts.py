"""What the readings of the growth study mean. Pure functions of what was told."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import get_args

from parrot_bench.record.base import Estimate
from parrot_bench.record.growth import (
    Growth,
    GrowthResult,
    GrowthVerdict,
    ModeGrowth,
    Quantity,
)
from parrot_bench.studies.gathered import Gathered
from parrot_bench.studies.growth.readings import Looked
from parrot_bench.studies.growth.trends import trend
from parrot_bench.studies.tracing.told import LeftOut

TOLERANCES: Mapping[Quantity, float] = MappingProxyType(
    {
        "memory": 256.0,
        "objects": 0.1,
        "threads": 0.001,
        "tasks": 0.001,
        "open_spans": 0.001,
        "open_calls": 0.001,
    }
)
"""Rise per call that is called flat: 2.5 MB, 1,000 objects, 10 threads over 10,000 calls."""

OWN_OBJECTS = 30
"""Objects that one reading may leave behind itself: it is told, and where the model is measured in
the caller's own process, kept there."""

QUANTITIES: tuple[Quantity, ...] = get_args(Quantity)


def conclude(gathered: Gathered) -> GrowthResult | None:
    """Say what grows, from the readings so far; None before the first that counts."""
    told = gathered.observed
    series: dict[tuple[str, str], list[Looked]] = {}
    for one in told:
        if isinstance(one, Looked):
            series.setdefault((one.mode, one.handler), []).append(one)
    modes = [mode for looked in series.values() if (mode := _mode(looked)) is not None]
    if not modes:
        return None
    # They were made in the order of what they cost.
    order = {mode.name: place for place, mode in enumerate(gathered.described.modes)}
    handlers = ("", *gathered.request.handlers)
    modes.sort(key=lambda one: (handlers.index(one.handler), order[one.mode]))
    left_out = {one.what: one.reason for one in told if isinstance(one, LeftOut)}
    return GrowthResult(
        modes=tuple(modes),
        asked=gathered.request.growth_calls,
        left_out=left_out | gathered.dropped,
        stopped_by=gathered.stopped_by,
        duration_s=gathered.elapsed_s,
    )


def _mode(looked: Sequence[Looked]) -> ModeGrowth | None:
    counted = [one for one in looked if one.counts]
    if not counted:
        return None
    first, last = counted[0], counted[-1]
    readings = {name: tuple(getattr(one, name) for one in counted) for name in QUANTITIES}
    steps = max(len(counted) - 1, 1)
    between = (last.calls - first.calls) / steps
    found = [growth(name, readings[name], between) for name in QUANTITIES]
    return ModeGrowth(
        mode=first.mode,
        handler=first.handler,
        calls=last.calls - first.calls,
        warm_up=first.calls,
        found=tuple(one for one in found if one is not None),
        readings=readings,
        errors=last.errors,
    )


def growth(quantity: Quantity, readings: Sequence[int], between: float) -> Growth | None:
    """Say whether one quantity grows.

    Args:
        quantity: Which.
        readings: After warm-up, in order.
        between: Calls from one reading to the next.

    Returns:
        The finding; None under 11 readings.
    """
    per_call = trend(readings, between, "bytes" if quantity == "memory" else "count")
    if per_call is None:
        return None
    rise = readings[-1] - readings[0]
    tolerance = TOLERANCES[quantity]
    if quantity == "objects":
        tolerance = max(tolerance, OWN_OBJECTS / between)
    whole = rise / between / (len(readings) - 1)
    return Growth(
        quantity=quantity,
        per_call=per_call,
        rise=rise,
        tolerance=tolerance,
        verdict=verdict(per_call, whole, tolerance),
    )


def verdict(per_call: Estimate, whole: float, tolerance: float) -> GrowthVerdict:
    """Say what an interval supports.

    Args:
        per_call: The trend, which a step or two do not move.
        whole: The whole rise per call, steps included.
        tolerance: Rise per call that is called flat.
    """
    if per_call.high <= tolerance:
        return "flat" if whole <= tolerance else "not resolved"
    grows = per_call.low > 0 and per_call.value > tolerance
    return "grows" if grows else "not resolved"
