"""What a measurement tells while it goes on.

A measurement is a generator of these events. Whoever consumes them may pause between two of
them for as long as it likes (to draw progress, to save), because no event is yielded inside a
timed block; it answers each with a :class:`Reply`.
"""

from dataclasses import dataclass
from enum import Enum

from parrot_bench.record import (
    Condition,
    Environment,
    ModelDescription,
    ModeRecord,
    Reconciliation,
)


class Reply(Enum):
    """What the consumer of an event wants next."""

    GO = "go on"
    ENOUGH = "end the rounds and go on with what follows them"


@dataclass(frozen=True, slots=True)
class Phase:
    """Something that may take a while has begun."""

    text: str


@dataclass(frozen=True, slots=True)
class StudyBegun:
    """What is told from here on belongs to this study."""

    study: str


@dataclass(frozen=True, slots=True)
class StudyEnded:
    """A study is over.

    Attributes:
        study: Its name.
        left_out: Why it could not be made; empty when it was.
    """

    study: str
    left_out: str = ""


@dataclass(frozen=True, slots=True)
class Described:
    """The model is loaded, and what can be said of it before it is called is known.

    Attributes:
        model: The model.
        environment: The timed process's machine, versions and source state.
        conditions: What distorts, removed or kept.
        modes: Every mode asked for, the unavailable ones with their reason.
        batch_size: Prompts of one batch.
        reply_length: As in :class:`parrot_bench.record.Configuration`.
        pid: The timed process.
        pids: Of several timed processes those of this machine, and what else is ours; empty of one.
    """

    model: ModelDescription
    environment: Environment
    conditions: tuple[Condition, ...]
    modes: tuple[ModeRecord, ...]
    batch_size: int
    reply_length: int | None
    pid: int
    pids: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class ModeDropped:
    """A mode is left out from here on."""

    mode: str
    reason: str


@dataclass(frozen=True, slots=True)
class PlannedMode:
    """How one mode takes part in the rounds.

    Attributes:
        mode: Name of the mode.
        units: Timed units of a block; a unit is one call, or one batch.
        primed: Untimed units at the head of a block.
        calls_per_unit: 1, or the batch size.
        every: It has a block in every ``every``-th round.
        unit_ns: Wall time of one unit as calibrated.
        tokens: Output tokens of one call; None when the reply has no usage.
        paired: It brings its own block of the baseline.
    """

    mode: str
    units: int
    primed: int
    calls_per_unit: int
    every: int
    unit_ns: int
    tokens: int | None
    paired: bool

    @property
    def calls(self) -> int:
        """Timed calls of a block."""
        return self.units * self.calls_per_unit


@dataclass(frozen=True, slots=True)
class Planned:
    """Warm-up is over; this is what the rounds will do.

    Attributes:
        modes: How each mode takes part.
        waits: The model spends its time waiting, so wall time decides.
        round_s: Predicted wall time of a full round, seconds.
        round_calls: Calls of a full round, priming included.
        calls_so_far: Calls already made.
        affordable_rounds: Rounds that bounds on calls or tokens leave; None without a bound.
        parallel: A call of the baseline keeps more than one processor busy.
    """

    modes: tuple[PlannedMode, ...]
    waits: bool
    round_s: float
    round_calls: int
    calls_so_far: int
    affordable_rounds: int | None
    parallel: bool = False


@dataclass(frozen=True, slots=True)
class Block:
    """One block of one round, as it is saved in ``samples.parquet``.

    Attributes:
        position: Place in the round, from 0.
        mode: Name of the mode.
        role: ``mode``; ``a/a``: the baseline's second instance; ``pair``: the baseline block
            that a slow mode brings along.
        partner: The slow mode that a ``pair`` belongs to; empty otherwise.
        previous: The mode that ran before.
        calls: Timed calls.
        wall_ns: Their wall time.
        cpu_ns: Their CPU time, all threads.
        cold_ns: Wall time of the first, untimed unit.
        stamps: Clock readings at the start and after each call; empty unless the round was
            stamped, or the block is a single call.
        case: What tells this block from others of the same mode, such as the length of the
            reply or the handler that listens; empty where nothing does.
    """

    position: int
    mode: str
    role: str
    partner: str
    previous: str
    calls: int
    wall_ns: int
    cpu_ns: int
    cold_ns: int | None
    stamps: tuple[int, ...] = ()
    case: str = ""


@dataclass(frozen=True, slots=True)
class RoundTaken:
    """One round is finished.

    Attributes:
        number: From 0, over the whole study.
        stamped: Its calls were stamped; it takes part in no ratio.
        tail: It belongs to the pass with garbage collection on.
        blocks: One entry a block, in the order they ran.
        errors: Blocks that raised: mode and error type.
        calls_so_far: Calls of the model so far, untimed ones included.
        process: Which process took it, from 0.
    """

    number: int
    stamped: bool
    tail: bool
    blocks: tuple[Block, ...]
    errors: tuple[tuple[str, str], ...]
    calls_so_far: int
    process: int = 0


@dataclass(frozen=True, slots=True)
class Call:
    """One call that was followed by itself, as it is saved in ``calls.parquet``.

    Attributes:
        mode: Name of the mode.
        case: As in :class:`Block`.
        started_ns: ``perf_counter_ns`` when it was made.
        ended_ns: The same, at the end of its reply or when it raised.
        chunks_ns: The same for the arrival of each chunk with content.
        tokens: Output tokens; None when the reply has no usage.
        error: Name of the error type; empty when there was none.
        entered_ns: The same, when the model's own method was entered; None where not followed.
        left_ns: The same, when it was left.
        scheduled_ns: The same, when it should have been made; None where it was due at once.
        rate_limited: The error was a provider's *too many requests*.
        input_tokens: As ``tokens``, of the prompt.
        worker: Which worker made it; empty where one process made all.
    """

    mode: str
    case: str
    started_ns: int
    ended_ns: int
    chunks_ns: tuple[int, ...] = ()
    tokens: int | None = None
    error: str = ""
    entered_ns: int | None = None
    left_ns: int | None = None
    scheduled_ns: int | None = None
    rate_limited: bool = False
    input_tokens: int | None = None
    worker: str = ""


@dataclass(frozen=True, slots=True)
class CallsTaken:
    """Some calls are finished.

    Attributes:
        number: Of the round, or of whatever the study repeats, from 0.
        calls: One entry a call.
    """

    number: int
    calls: tuple[Call, ...]


@dataclass(frozen=True, slots=True)
class Observed:
    """Something that one study alone knows how to read."""

    what: object


@dataclass(frozen=True, slots=True)
class RoundsEnded:
    """The rounds are over.

    Attributes:
        used_up: The bound that left no other, as ``--max-calls 100``; empty where none did.
    """

    used_up: str = ""


@dataclass(frozen=True, slots=True)
class PassReconciled:
    """The traced pass of every mode is over."""

    result: Reconciliation


@dataclass(frozen=True, slots=True)
class Failed:
    """The measurement cannot go on.

    Attributes:
        error: Name of an error class of :mod:`parrot_bench.errors`.
        message: Its one line.
        traceback: For ``--debug``.
    """

    error: str
    message: str
    traceback: str


Event = (
    Phase
    | Described
    | StudyBegun
    | StudyEnded
    | ModeDropped
    | Planned
    | RoundTaken
    | CallsTaken
    | Observed
    | RoundsEnded
    | PassReconciled
    | Failed
)
