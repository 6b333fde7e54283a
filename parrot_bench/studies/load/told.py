"""What the load study tells that no other study could read."""

from dataclasses import dataclass

from parrot_bench.load import Level
from parrot_bench.studies.load.search import Boundary


@dataclass(frozen=True, slots=True)
class LevelBegun:
    """A level is about to begin.

    Attributes:
        number: From 0; its calls have it, too.
        mode: Name of the mode.
        level: The load.
        due: Calls that are due in an open loop; None in a closed one.
        length_s: How long it is kept up, seconds.
    """

    number: int
    mode: str
    level: Level
    due: int | None
    length_s: float


@dataclass(kw_only=True)
class Window:
    """What was seen of a level, or of a step of it, beside its calls: ``perf_counter_ns``.

    Attributes:
        begun_ns: It began.
        ended_ns: No call was made any more.
        busy_ns: CPU time of the process between the two, and time in which the loop's thread was
            ready and had no processor.
        in_flight: Calls in flight, averaged between the two.
        peak: Most of them at once.
        lag_ns: The longest time that the event loop was late.
    """

    begun_ns: int = 0
    ended_ns: int = 0
    busy_ns: int = 0
    in_flight: float = 0.0
    peak: int = 0
    lag_ns: int = 0


@dataclass(frozen=True, slots=True)
class LevelEnded:
    """A level is over.

    Attributes:
        number: As above.
        windows: What was seen beside its calls; one, or one a step of a ramp.
    """

    number: int
    windows: tuple[Window, ...]


@dataclass(frozen=True, slots=True)
class ModeLeftOut:
    """A mode cannot be loaded.

    Attributes:
        mode: Its name.
        reason: Why.
    """

    mode: str
    reason: str


@dataclass(frozen=True, slots=True)
class BoundaryFound:
    """A search for the highest rate is over.

    Attributes:
        mode: Name of the mode.
        boundary: What it came to.
    """

    mode: str
    boundary: Boundary


@dataclass(frozen=True, slots=True)
class UsedUp:
    """No further call may be made.

    Attributes:
        bound: Why, as ``--max-calls 100``.
    """

    bound: str


Observation = LevelBegun | LevelEnded | ModeLeftOut | BoundaryFound | UsedUp
"""What the study tells."""
