"""Result of the load study: what callers see under a load, level by level."""

from typing import Literal

from pydantic import Field

from parrot_bench.record.base import Estimate, Percentile, Saved
from parrot_bench.record.overhead import StoppedBy
from parrot_bench.record.subject import Arriving
from parrot_bench.record.traced import SpanDelivery

LoadVerdict = Literal["stable", "unstable", "client-bound"]
"""What became of a level.

``stable``: it kept up. ``unstable``: fewer than 98 % of its calls were answered, or more and more
were in flight, so that latencies are those of a queue that grows, and have no percentiles.
``client-bound``: this process was the limit, and not what it calls.
"""


class LoadLevel(Saved):
    """One load, kept up for a while. Times are nanoseconds unless they end in ``_s``.

    Attributes:
        mode: Name of the mode.
        concurrency: Calls always in flight, in a closed loop.
        ramp: It is a step of a ramp: calls of the step before go on into it.
        rate: Calls that should have been made in a second, in an open loop.
        due: Calls that were due, in an open loop.
        window_s: Length of the window; a call belongs to it if it should have been made in it.
        calls: Calls that belong to it.
        completed: Calls that were answered, after the window, too.
        errors: The others by type of their error, ``unfinished`` among them.
        rate_limited: Errors that were a provider's *too many requests* (429).
        achieved_rate: Calls made in a second of the window.
        in_flight: Calls in flight, averaged over the window, from a counter of its own.
        peak: Most calls in flight at once.
        latency: Percentiles (p50, p90, p95, p99) from when a call should have been made to the end
            of its reply; of a closed loop, from when it was made.
        service: The same, from when it was made.
        first_chunk: The same, from when it should have been made to its first chunk with content;
            none of a mode that does not stream, for which it is the latency.
        token_gap: The same of the time from first to last chunk over the tokens between.
        chunk_gap: The same of each call's mean time between successive chunks with content.
        longest_gap: The same of each call's longest.
        dispatch: The same, from when a call should have been made to when it was: our own delay.
        throughput: Calls answered in a second of the window.
        throughput_interval: Its 95 % interval; None under 30 answers.
        input_tokens: Of the prompts of answered calls; None where one does not tell.
        output_tokens: Of their replies.
        tokens_per_s: Output tokens of calls answered in the window, a second; None where not told.
        goodput: Calls that kept every objective, of those that belong to the window, in a second.
        good: Share of those calls, with Wilson's interval.
        busy: CPU time of this process, and time in which the loop was ready and had no processor,
            over the window: at 1 this process is the limit. Of several workers, that of the
            busiest.
        loop_lag: The longest time that the event loop was late.
        verdict: What became of it.
        reason: Why it is not stable; empty where it is.
        number: From 0; the column ``round`` of ``calls.parquet``.
        workers: How many processes made its calls.
        lost: Of the errors, those of workers that died: calls that were due, or in flight there.
        begun_ns: When it began, on the clock of the times in ``calls.parquet``.
        epoch_ns: The same by the wall clock, nanoseconds since 1970; 0 where it is not known.
        overlap: Of a merged level, the share of the window in which all runs kept it up.
    """

    mode: str
    concurrency: int | None
    ramp: bool = False
    rate: float | None
    due: int | None = None
    window_s: float
    calls: int
    completed: int
    errors: dict[str, int] = Field(default_factory=dict)
    rate_limited: int = 0
    achieved_rate: float
    in_flight: float
    peak: int
    latency: tuple[Percentile, ...] = ()
    service: tuple[Percentile, ...] = ()
    first_chunk: tuple[Percentile, ...] = ()
    token_gap: tuple[Percentile, ...] = ()
    chunk_gap: tuple[Percentile, ...] = ()
    longest_gap: tuple[Percentile, ...] = ()
    dispatch: tuple[Percentile, ...] = ()
    throughput: float
    throughput_interval: tuple[float, float] | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    tokens_per_s: float | None
    goodput: float
    good: Estimate
    busy: float
    loop_lag: float
    verdict: LoadVerdict
    reason: str = ""
    number: int = 0
    workers: int = 1
    lost: int = 0
    begun_ns: int = 0
    epoch_ns: int = 0
    overlap: float | None = None


class RateBoundary(Saved):
    """Up to which rate the objectives were kept.

    Attributes:
        mode: Name of the mode.
        kept: The highest rate at which they were kept three times; None where there was none.
        missed: The lowest at which they were not; None where all were kept.
        trials: Levels that it took.
        client_bound: There it was this process that was the limit, and not the model.
    """

    mode: str
    kept: float | None
    missed: float | None
    trials: int
    client_bound: bool = False


class Capacity(Saved):
    """The most that was answered in closed loops, however many calls were in flight.

    Attributes:
        mode: Name of the mode.
        rate: Calls answered in a second, over all levels that reach it.
        low: Lower bound of its 95 % interval.
        high: Upper bound.
        concurrency: The fewest calls in flight that reach it.
        client_bound: At one of them this process was the limit, and not the model.
    """

    mode: str
    rate: float
    low: float
    high: float
    concurrency: int
    client_bound: bool = False


class LoadWorker(Saved):
    """One of several processes that made the calls of a load together.

    Attributes:
        name: As in the column ``worker`` of ``calls.parquet``.
        host: Its machine; empty where that was not kept.
        pid: The timed process there; 0 where that was not kept.
        calls: Calls that it made, or that were due to it.
        lost: Those of them that were never answered, because it died.
        busy: As in :class:`LoadLevel`, at its worst level; None where it saw the end of none.
        offset_ns: Its clock less the coordinator's, at the last level; None where it was not
            measured.
        uncertainty_ns: By how much any of the measured offsets may be wrong, at most.
        drift_ns: How far the offsets of the levels are apart, at most.
        ended: Why it did not see the end of the load; empty where it did.
        unlike: In what it differs from the first one.
    """

    name: str
    host: str
    pid: int
    calls: int
    lost: int = 0
    busy: float | None
    offset_ns: int | None
    uncertainty_ns: int | None
    drift_ns: int | None
    ended: str = ""
    unlike: tuple[str, ...] = ()


class LoadExport(SpanDelivery):
    """What became of the spans of the calls that one process made.

    Attributes:
        worker: Its name, the ``service.instance.id`` of the spans' resource.
        ended: Spans of calls that ended, those of the warm-up among them.
    """

    worker: str
    ended: int


class LoadResult(Saved):
    """What callers see under load.

    Attributes:
        arrivals: How calls of open loops arrived.
        objectives: What a call had to keep, such as ``ttfc=0.2s``.
        max_errors: Share of calls that may fail.
        levels: In the order in which they were made.
        boundaries: Of each mode for which the highest rate was looked for.
        capacities: Of each mode whose closed loops came to their limit.
        left_out: Modes that could not be loaded, and why.
        used_up: The bound that ended it, as ``--max-calls 100``; empty where none did.
        duration_s: Wall time of all levels, seconds.
        stopped_by: Why it ended.
        workers: The processes that made it together; empty where it was one alone.
        exports: What became of the spans of each process, where they went to a collector.
    """

    arrivals: Arriving
    objectives: tuple[str, ...]
    max_errors: float
    levels: tuple[LoadLevel, ...]
    boundaries: tuple[RateBoundary, ...] = ()
    capacities: tuple[Capacity, ...] = ()
    left_out: dict[str, str] = Field(default_factory=dict)
    used_up: str = ""
    duration_s: float
    stopped_by: StoppedBy
    workers: tuple[LoadWorker, ...] = ()
    exports: tuple[LoadExport, ...] = ()

    @property
    def error_share(self) -> float:
        """Share of all calls that were not answered."""
        calls = sum(level.calls for level in self.levels)
        return 1 - sum(level.completed for level in self.levels) / calls if calls else 0.0
