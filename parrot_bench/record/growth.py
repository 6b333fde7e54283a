"""Result of the growth study: does anything grow over many calls?"""

from typing import Literal

from pydantic import Field

from parrot_bench.record.base import Estimate, Saved
from parrot_bench.record.overhead import StoppedBy

Quantity = Literal["memory", "objects", "threads", "tasks", "open_spans", "open_calls"]

GrowthVerdict = Literal["flat", "grows", "not resolved"]


class Growth(Saved):
    """What became of one quantity in one mode.

    Attributes:
        quantity: ``memory``: resident memory of the process, bytes; ``objects``: blocks that
            Python's allocator has handed out; ``threads``; ``tasks`` of the event loop;
            ``open_spans``: started and not ended; ``open_calls``: runs that our handler keeps.
        per_call: Rise per call, from the readings after warm-up.
        rise: Last reading less the first.
        tolerance: Rise per call that is still called flat.
        verdict: ``grows``: the interval lies above 0 and the value above the tolerance;
            ``flat``: the upper end and the whole rise are within it; else ``not resolved``.
    """

    quantity: Quantity
    per_call: Estimate
    rise: float
    tolerance: float
    verdict: GrowthVerdict


class ModeGrowth(Saved):
    """What the growth study found for one mode.

    Attributes:
        mode: Name of the mode.
        handler: The handler that was named on the command line; empty for ours.
        calls: Calls that count, those of the warm-up aside.
        warm_up: Calls before them.
        found: One entry a quantity; empty where there were too few readings.
        readings: Every quantity's readings after warm-up, evenly spaced over ``calls``.
        errors: Blocks of calls that raised, by error type.
    """

    mode: str
    handler: str = ""
    calls: int
    warm_up: int
    found: tuple[Growth, ...]
    readings: dict[Quantity, tuple[int, ...]]
    errors: dict[str, int] = Field(default_factory=dict)

    @property
    def growing(self) -> tuple[Growth, ...]:
        """What grows."""
        return tuple(one for one in self.found if one.verdict == "grows")

    @property
    def verdict(self) -> GrowthVerdict:
        """Of all quantities together."""
        if self.growing:
            return "grows"
        flat = self.found and all(one.verdict == "flat" for one in self.found)
        return "flat" if flat else "not resolved"


class GrowthResult(Saved):
    """Result of the growth study.

    Attributes:
        modes: One entry a mode and handler.
        asked: Calls that were asked for in each mode.
        left_out: Modes and handlers that were not measured, and why.
        stopped_by: Why it ended.
        duration_s: Wall time, seconds.
    """

    modes: tuple[ModeGrowth, ...]
    asked: int
    left_out: dict[str, str] = Field(default_factory=dict)
    stopped_by: StoppedBy
    duration_s: float
