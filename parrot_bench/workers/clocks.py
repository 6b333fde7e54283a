"""How far another machine's clock is off ours. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Trip:
    """A question to another clock. Each reading is ``perf_counter_ns`` of whoever took it.

    Attributes:
        asked_ns: Ours, before.
        theirs_ns: The other one's.
        answered_ns: Ours, when the answer was here.
    """

    asked_ns: int
    theirs_ns: int
    answered_ns: int

    @property
    def length_ns(self) -> int:
        """How long the round trip took."""
        return self.answered_ns - self.asked_ns


@dataclass(frozen=True, slots=True)
class Offset:
    """How far a clock is off ours.

    Attributes:
        ns: Its reading less ours, at the same moment.
        uncertainty_ns: By how much that may be wrong, at most: the answer may have been given at
            any moment of the trip.
    """

    ns: int = 0
    uncertainty_ns: int = 0


def offset(trips: Sequence[Trip]) -> Offset:
    """Estimate from the shortest of several round trips.

    Args:
        trips: At least one.
    """
    best = min(trips, key=lambda trip: trip.length_ns)
    return Offset(
        best.theirs_ns - (best.asked_ns + best.answered_ns) // 2, (best.length_ns + 1) // 2
    )
