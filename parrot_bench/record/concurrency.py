"""Result of the concurrency study: what calls in flight buy, and what stops them."""

from typing import Literal

from pydantic import Field

from parrot_bench.record.base import Estimate, Percentile, Saved
from parrot_bench.record.overhead import StoppedBy

Limit = Literal["none", "executor", "blocked", "serial", "client", "model"]
"""What throughput stops at.

``none``: it grew up to the most calls in flight that were tried. ``executor``: the threads of the
loop's default executor. ``blocked``: a line of code holds the event loop. ``serial``: calls wait
for each other inside the model. ``client``: this process's own CPU. ``model``: the model answers
no more at a time.
"""


class CodePlace(Saved):
    """A place in source code.

    Attributes:
        file: Relative to the current folder or to where packages are installed.
        function: Qualified name.
        line: From 1.
    """

    file: str
    function: str
    line: int


class BlockedLoop(Saved):
    """What the event loop stood still at.

    Attributes:
        place: The line that was seen most often in the function that was seen most often: the
            innermost frame that is neither the standard library's nor LangChain's.
        called_from: The innermost line in the model's own file, where that is another one.
        samples: Samples of the loop's stack that were in that function.
        taken: Samples taken while the heartbeat was late, an idle loop aside.
        stalls: How many stalls they come from.
        longest_ns: The longest time between two heartbeats, nanoseconds.
        computes: The thread used its processor meanwhile, so that it does not wait; None where
            that is not known.
    """

    place: CodePlace
    called_from: CodePlace | None
    samples: int
    taken: int
    stalls: int
    longest_ns: int
    computes: bool | None


class ConcurrencyCell(Saved):
    """One mode at one ``max_concurrency`` and batch size. Counts are of calls.

    Attributes:
        max_concurrency: As asked for; None is LangChain's default.
        batch: Prompts of the batch.
        in_flight: Calls made and not ended, averaged over the batch's time.
        achieved: Calls inside the model's own method, averaged over the batch's time; None
            where no call went by way of it.
        throughput: Calls that were answered, per second of the batch.
        latency: Mean latency of a call, nanoseconds: from the moment it is made to the end of
            its reply.
        service: Mean time inside the model's own method, nanoseconds.
        percentiles: p50, p95, p99 of latency.
        peak: Most calls inside the model's own method at once.
        threads: Most threads of the process at once.
        loop_stall_ns: The longest time that the event loop did not run a 1 ms heartbeat, in the
            repeats that were watched for that, nanoseconds; None without one.
        busy: CPU time of the process, and time in which the loop's thread was ready and had no
            processor, over the batch's time: at 1 this process is the limit.
        calls: Calls made.
        repeats: How often the batch was timed: the loop was not watched meanwhile, where it was
            made more often than once.
        errors: Calls that raised, by error type.
    """

    max_concurrency: int | None
    batch: int
    in_flight: Estimate | None
    achieved: Estimate | None
    throughput: Estimate
    latency: Estimate | None
    service: Estimate | None
    percentiles: tuple[Percentile, ...]
    peak: int
    threads: int
    loop_stall_ns: int | None
    busy: float
    calls: int
    repeats: int
    errors: dict[str, int] = Field(default_factory=dict)


class ConcurrencySweep(Saved):
    """One mode of one model over the levels.

    Attributes:
        mode: Name of the mode; ``astream`` is gathered under a semaphore as ``ainvoke_gather`` is.
        own_async: The model's own async method is awaited; False: LangChain runs the synchronous
            one in the loop's default executor; None for a sync mode.
        levels: By ``max_concurrency``, rising.
        batches: By batch size, ``max_concurrency`` being LangChain's default.
        response: Mean latency with one call in flight, R(1), nanoseconds.
        most: The level with the highest throughput.
        enough: The lowest level whose throughput is within 5 % of the highest.
        knee: N* = X_max · R(1): calls that are worked on at once, at most.
        limit: What throughput stops at.
        blocked: The line that the event loop stood still at; None where it did not, or where no
            one line had half of the samples.
    """

    mode: str
    own_async: bool | None
    levels: tuple[ConcurrencyCell, ...]
    batches: tuple[ConcurrencyCell, ...]
    response: Estimate | None
    most: int | None
    enough: int | None
    knee: Estimate | None
    limit: Limit
    blocked: BlockedLoop | None


class LawCheck(Saved):
    """A law that the numbers must obey, and how far they are from it.

    Attributes:
        cells: Cells that were compared.
        worst: The largest relative deviation.
        where: The cell it was found in.
        tolerance: The deviation allowed.
    """

    cells: int
    worst: float
    where: str
    tolerance: float

    @property
    def agrees(self) -> bool:
        """Whether every cell is within the tolerance."""
        return self.worst <= self.tolerance


class ConcurrencyResult(Saved):
    """Result of the concurrency study.

    Attributes:
        service_s: Service time that was simulated, seconds; None where the model has its own.
        executor_threads: Size of the event loop's default executor.
        sweeps: One a mode and model.
        reduced: What was left out to fit the time or ``max_calls``; empty for nothing.
        littles_law: L, the average that the counter in the model's method kept, against X·W from
            the stamps of each call.
        closed_loop: X·R(N) against N where the calls of a level do not wait: throughput at N is
            N / R(N).
        left_out: Modes that raised, or never had their turn, and why.
        rounds: Rounds begun; the dearest cells may be missing in some.
        stopped_by: Why they ended.
        duration_s: Wall time, seconds.
        calls: Calls of the model.
    """

    service_s: float | None
    executor_threads: int
    sweeps: tuple[ConcurrencySweep, ...]
    reduced: str
    littles_law: LawCheck | None
    closed_loop: LawCheck | None
    left_out: dict[str, str] = Field(default_factory=dict)
    rounds: int
    stopped_by: StoppedBy
    duration_s: float
    calls: int
