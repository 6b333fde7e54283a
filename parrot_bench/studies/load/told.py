"""What the load study tells that no other study could read."""

from dataclasses import dataclass, field

from parrot_bench.load import Level
from parrot_bench.record import LoadExport
from parrot_bench.studies.load.search import Boundary

WORKER_LOST = "worker lost"
"""Error of a call that was due to a worker that had died, or was in flight there."""


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
        epoch_ns: When it began by the machine's wall clock, nanoseconds since 1970.
        concurrency: Of a step that several runs made, calls in flight in all of them; None else.
        own: Of such a step, when it began and ended for each worker: each has a call in the step
            in which it made it itself.
        overlap: Of merged runs, the share of the window in which all kept it up.
    """

    begun_ns: int = 0
    ended_ns: int = 0
    busy_ns: int = 0
    in_flight: float = 0.0
    peak: int = 0
    lag_ns: int = 0
    epoch_ns: int = 0
    concurrency: int | None = None
    own: dict[str, tuple[int, int]] = field(default_factory=dict)
    overlap: float | None = None


@dataclass(frozen=True, slots=True)
class WorkerLevel:
    """What one of several workers did of a level.

    Attributes:
        worker: Its name.
        busy: As ``Window.busy_ns``, over the window; None where it did not see its end.
        offset_ns: Its clock less the coordinator's, when the level began; None where nobody knows.
        uncertainty_ns: By how much that may be wrong, at most.
    """

    worker: str
    busy: float | None
    offset_ns: int | None
    uncertainty_ns: int | None


@dataclass(frozen=True, slots=True)
class LevelEnded:
    """A level is over.

    Attributes:
        number: As above.
        windows: What was seen beside its calls; one, or one a step of a ramp. Of several workers,
            CPU time is that of the one that used most of it.
        workers: Those that made it together; none of one process alone.
    """

    number: int
    windows: tuple[Window, ...]
    workers: tuple[WorkerLevel, ...] = ()


@dataclass(frozen=True, slots=True)
class WorkerJoined:
    """A worker is ready.

    Attributes:
        worker: Its name.
        host: Its machine.
        pid: Its timed process.
        unlike: In what it differs from the first; empty where it does not.
    """

    worker: str
    host: str
    pid: int
    unlike: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class WorkerLost:
    """A worker died, or was not heard of any more.

    Attributes:
        worker: Its name.
        reason: What is known of it.
        in_level: Number of the level in which it happened; None between two.
    """

    worker: str
    reason: str
    in_level: int | None


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


@dataclass(frozen=True, slots=True)
class SpansSent:
    """What became of the spans of a process's calls.

    Attributes:
        export: Where they went, and how many.
    """

    export: LoadExport


Observation = (
    LevelBegun
    | LevelEnded
    | ModeLeftOut
    | BoundaryFound
    | UsedUp
    | WorkerJoined
    | WorkerLost
    | SpansSent
)
"""What the study tells."""
