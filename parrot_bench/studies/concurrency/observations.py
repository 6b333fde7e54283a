"""What the concurrency study tells that no other study could read."""

from dataclasses import dataclass

from parrot_bench.record import CodePlace
from parrot_bench.studies.concurrency.plan import Cell, Plan


@dataclass(frozen=True, slots=True)
class SweepBegun:
    """One mode of one model takes part.

    Attributes:
        mode: Name of the mode.
        own_async: As in :class:`parrot_bench.record.ConcurrencySweep`.
    """

    mode: str
    own_async: bool | None

    @property
    def label(self) -> str:
        """What tells it from the others, in words."""
        if self.own_async is None:
            return self.mode
        return f"{self.mode} ({'its own async' if self.own_async else 'executor fallback'})"


@dataclass(frozen=True, slots=True)
class Begun:
    """Warm-up is over.

    Attributes:
        service_s: Service time that is simulated, seconds; None where the model has its own.
        executor_threads: Size of the loop's default executor.
        sweeps: By the number that cells name.
        plan: What will be done.
    """

    service_s: float | None
    executor_threads: int
    sweeps: dict[int, SweepBegun]
    plan: Plan


@dataclass(frozen=True, slots=True)
class LateSample:
    """What the loop's thread was doing at one moment of a stall.

    Attributes:
        stall: Number of the stall, over the whole study.
        at_ns: ``perf_counter_ns``.
        cpu_ns: CPU time that the loop's thread had or waited for; None where it cannot be read.
        place: Whom to blame; None for LangChain, the standard library and the harness.
        caller: The innermost line in the model's own file; None where there is none.
    """

    stall: int
    at_ns: int
    cpu_ns: int | None
    place: CodePlace | None
    caller: CodePlace | None


@dataclass(frozen=True, slots=True)
class CellTaken:
    """One cell was performed once.

    Attributes:
        cell: Which.
        round: In which round.
        wall_ns: Time of the batch.
        busy_ns: CPU time of the process, and time in which the loop's thread was ready and had
            no processor.
        case: As it is saved with the calls.
        in_flight: Calls made and not ended, averaged over time; None where the batch did not
            make its calls by way of the model's ``invoke`` or ``ainvoke``.
        achieved: Calls inside the model's own method, averaged over time; None where no call
            went by way of it.
        peak: Most of those at once.
        threads: Most threads of the process.
        service_ns: Mean time of a call inside the model's own method; None as above.
        stall_ns: Longest time between two heartbeats; None where the loop was not watched.
        late: Taken while the heartbeat was late, an idle loop aside.
        calls_so_far: Calls of the model so far.
    """

    cell: Cell
    round: int
    wall_ns: int
    busy_ns: int
    case: str
    in_flight: float | None
    achieved: float | None
    peak: int
    threads: int
    service_ns: float | None
    stall_ns: int | None
    late: tuple[LateSample, ...]
    calls_so_far: int


@dataclass(frozen=True, slots=True)
class SweepLeftOut:
    """A sweep raised, and has no further cells.

    Attributes:
        sweep: Its label.
        reason: What it raised, in one line.
    """

    sweep: str
    reason: str


Observation = Begun | CellTaken | SweepLeftOut
"""All of it."""
