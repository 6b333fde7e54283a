"""What a load study's calls mean: pure functions of what was told."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from parrot_bench.distributions import wilson
from parrot_bench.events import Call
from parrot_bench.load import LoadPlan, Objective
from parrot_bench.percentiles import percentiles
from parrot_bench.record import (
    Estimate,
    LoadExport,
    LoadLevel,
    LoadResult,
    LoadVerdict,
    LoadWorker,
    Percentile,
    RateBoundary,
)
from parrot_bench.studies.gathered import Gathered
from parrot_bench.studies.load.told import (
    BoundaryFound,
    LevelBegun,
    LevelEnded,
    ModeLeftOut,
    SpansSent,
    Window,
    WorkerJoined,
    WorkerLevel,
    WorkerLost,
)

Numbers = NDArray[np.float64]

WORKER_LOST = "worker lost"
"""Error of a call that was due to a worker that had died, or was in flight there."""

COMPLETED = 0.98
"""Share of the calls that a level has to answer to be called stable."""

BUSY = 0.9
"""Share of a processor from which this process is the limit."""

LATE_NS = 10e6
LATE_SHARE = 0.1
"""Our own delay (p99) is of no account under this, or under this share of the median."""

PARTS = 6
GROWN = 1.5
GROWN_BY = 3.0
"""More and more are in flight: from part to part of the window, in the end half as many again as
after the first part, and three more."""

SLICES = 50
"""Parts of the window whose calls share their luck, for the intervals of percentiles."""

CONFIDENCE = 0.95


def conclude(gathered: Gathered) -> LoadResult | None:
    """Say what is known of every level so far; None without a call."""
    plan = gathered.request.load
    if plan is None:
        return None
    begun = [told for told in gathered.observed if isinstance(told, LevelBegun)]
    ended = {told.number: told for told in gathered.observed if isinstance(told, LevelEnded)}
    calls: dict[int, list[Call]] = {told.number: [] for told in begun}
    for number, call in gathered.samples.numbered_calls():
        calls[number].append(call)
    levels = [
        level_of(told, calls[told.number], ended.get(told.number), plan)
        for told in begun
        if calls[told.number]
    ]
    if not levels:
        return None
    return LoadResult(
        arrivals=plan.arrivals,
        objectives=tuple(map(str, plan.objectives)),
        max_errors=plan.max_errors,
        levels=tuple(levels),
        boundaries=tuple(
            RateBoundary(
                mode=t.mode,
                **asdict(t.boundary),
                client_bound=_client_bound(levels, t.mode, t.boundary.missed),
            )
            for t in gathered.observed
            if isinstance(t, BoundaryFound)
        ),
        left_out={t.mode: t.reason for t in gathered.observed if isinstance(t, ModeLeftOut)},
        duration_s=gathered.elapsed_s,
        stopped_by=gathered.stopped_by,
        workers=worked(gathered.observed, [call for own in calls.values() for call in own]),
        exports=tuple(
            LoadExport(
                worker=told.spans_of,
                exporter=told.exporter,
                ended=told.ended,
                exported=told.exported,
                failed=told.failed,
                dropped=told.dropped,
                error=told.error,
            )
            for told in gathered.observed
            if isinstance(told, SpansSent)
        ),
    )


@dataclass(frozen=True)
class Times:
    """The calls of a level as arrays, nanoseconds, shape (calls,); NaN where there is none.

    Attributes:
        due: When each should have been made, after the beginning of the level.
        made: When it was.
        ended: When it ended, however it did.
        first: When its first chunk with content came; of a reply in one piece, its end.
        gap: From first to last chunk, by the tokens between.
        answered: Whether it was.
        tokens: Output tokens.
        lost: Whether it was never made, or nothing is known of it, as a worker died.
    """

    due: Numbers
    made: Numbers
    ended: Numbers
    first: Numbers
    gap: Numbers
    answered: NDArray[np.bool_]
    tokens: Numbers
    lost: NDArray[np.bool_]

    @classmethod
    def of(cls, calls: Sequence[Call], begun_ns: int) -> "Times":
        """Read them off the calls."""
        none = float("nan")

        def array(values: Sequence[float | None]) -> Numbers:
            return np.array([none if v is None else v for v in values], dtype=np.float64)

        return cls(
            due=array([c.started_ns if c.scheduled_ns is None else c.scheduled_ns for c in calls])
            - begun_ns,
            made=array([c.started_ns for c in calls]) - begun_ns,
            ended=array([c.ended_ns for c in calls]) - begun_ns,
            first=array([_first(c) for c in calls]) - begun_ns,
            gap=array([_token_gap(c) for c in calls]),
            answered=np.array([not c.error for c in calls], dtype=bool),
            tokens=array([c.tokens for c in calls]),
            lost=np.array([c.error == WORKER_LOST for c in calls], dtype=bool),
        )


def _first(call: Call) -> float | None:
    if call.chunks_ns:
        return call.chunks_ns[0]
    return None if call.error else call.ended_ns


def _token_gap(call: Call) -> float | None:
    if len(call.chunks_ns) < 2 or call.tokens is None or call.tokens < 2:  # noqa: PLR2004
        return None
    return (call.chunks_ns[-1] - call.chunks_ns[0]) / (call.tokens - 1)


def level_of(
    told: LevelBegun, calls: Sequence[Call], ended: LevelEnded | None, plan: LoadPlan
) -> LoadLevel:
    """Say what became of a level.

    Args:
        told: What it was to be.
        calls: Its calls, at least one.
        ended: What was seen beside them; None where it was broken off.
        plan: What was asked for.
    """
    window = ended.window if ended else _broken_off(calls)
    times = Times.of(calls, window.begun_ns)
    window_ns = max(float(window.ended_ns - window.begun_ns), 1.0)
    window_s = window_ns / 1e9
    answered = times.answered
    in_time = answered & (times.ended <= window_ns)
    good = answered & kept(times, plan.objectives)
    low, high = wilson(int(good.sum()), len(calls))
    tokens = times.tokens[in_time]
    errors = Counter(call.error for call in calls if call.error)
    slices = np.floor(times.due / window_ns * SLICES)

    def of(values: Numbers) -> tuple[Percentile, ...]:
        known = answered & np.isfinite(values)
        return percentiles(values[known], slices[known]) if known.any() else ()

    workers = max(1, len({call.worker for call in calls}))
    late, made = times.made - times.due, ~times.lost
    latency, service = of(times.ended - times.due), of(times.ended - times.made)
    busy = window.busy_ns / window_ns
    verdict, reason = _verdict(told, times, window_ns, busy, several=workers > 1)
    stable = verdict != "unstable"
    return LoadLevel(
        mode=told.mode,
        concurrency=told.level.concurrency,
        rate=told.level.rate,
        due=told.due,
        window_s=window_s,
        calls=len(calls),
        completed=int(answered.sum()),
        errors=dict(errors),
        rate_limited=sum(call.rate_limited for call in calls),
        achieved_rate=float(((times.made <= window_ns) & ~times.lost).sum()) / window_s,
        in_flight=window.in_flight,
        peak=window.peak,
        latency=latency if stable else (),
        service=service if stable else (),
        # What came in one piece has no first chunk beside its latency.
        first_chunk=of(times.first - times.due)
        if stable and any(c.chunks_ns for c in calls)
        else (),
        token_gap=of(times.gap) if stable else (),
        dispatch=percentiles(late[made], slices[made])
        if told.level.concurrency is None and made.any()
        else (),
        throughput=float(in_time.sum()) / window_s,
        tokens_per_s=float(tokens.sum()) / window_s if np.isfinite(tokens).all() else None,
        goodput=float(good.sum()) / window_s,
        good=Estimate(
            value=float(good.sum()) / len(calls),
            low=low,
            high=high,
            confidence=CONFIDENCE,
            count=len(calls),
            unit="ratio",
        ),
        busy=busy,
        loop_lag=float(window.lag_ns),
        verdict=verdict,
        reason=reason,
        number=told.number,
        workers=workers,
        lost=int(times.lost.sum()),
        begun_ns=window.begun_ns,
        epoch_ns=window.epoch_ns,
        overlap=ended.overlap if ended else None,
    )


def worked(observed: Sequence[object], calls: Sequence[Call]) -> tuple[LoadWorker, ...]:
    """Say what each of several workers did.

    Args:
        observed: What was told of a load.
        calls: All of its calls.
    """
    own: dict[str, list[Call]] = {}
    for call in calls:
        own.setdefault(call.worker, []).append(call)
    seen: dict[str, list[WorkerLevel]] = {}
    for told in observed:
        for each in told.workers if isinstance(told, LevelEnded) else ():
            seen.setdefault(each.worker, []).append(each)
    ended = {told.worker: told.reason for told in observed if isinstance(told, WorkerLost)}
    return tuple(
        _worker(
            told, own.get(told.worker, []), seen.get(told.worker, []), ended.get(told.worker, "")
        )
        for told in observed
        if isinstance(told, WorkerJoined)
    )


def _worker(
    told: WorkerJoined, calls: Sequence[Call], seen: Sequence[WorkerLevel], ended: str
) -> LoadWorker:
    offsets = [level.offset_ns for level in seen if level.offset_ns is not None]
    return LoadWorker(
        name=told.worker,
        host=told.host,
        pid=told.pid,
        calls=len(calls),
        lost=sum(call.error == WORKER_LOST for call in calls),
        busy=max((level.busy for level in seen if level.busy is not None), default=None),
        offset_ns=offsets[-1] if offsets else None,
        uncertainty_ns=max((level.uncertainty_ns or 0 for level in seen), default=None)
        if offsets
        else None,
        drift_ns=max(offsets) - min(offsets) if offsets else None,
        ended=ended,
        unlike=told.unlike,
    )


def _client_bound(levels: Sequence[LoadLevel], mode: str, rate: float | None) -> bool:
    """Whether this process was the limit at a rate."""
    made = [level for level in levels if (level.mode, level.rate) == (mode, rate)]
    return any(level.verdict == "client-bound" for level in made)


def _broken_off(calls: Sequence[Call]) -> Window:
    """The window of a level that was broken off: up to the end of its last call that is known."""
    calls = [call for call in calls if call.error != WORKER_LOST] or calls
    due = [c.started_ns if c.scheduled_ns is None else c.scheduled_ns for c in calls]
    window = Window(begun_ns=min(due), ended_ns=max(call.ended_ns for call in calls))
    spent = sum(call.ended_ns - at for call, at in zip(calls, due, strict=True))
    window.in_flight = spent / max(window.ended_ns - window.begun_ns, 1)
    return window


def is_kept(level: LoadLevel, plan: LoadPlan) -> bool:
    """Whether a level's objectives were kept, as a search for the highest rate asks."""
    return level.verdict == "stable" and level.good.value >= plan.kept_share


def kept(times: Times, objectives: Sequence[Objective]) -> NDArray[np.bool_]:
    """Which calls kept every objective; one that is not known was not kept."""
    measured = {
        "latency": times.ended - times.due,
        "ttfc": times.first - times.due,
        "itl": times.gap,
    }
    found = np.ones(times.due.size, dtype=bool)
    for objective in objectives:
        # NaN is not under any bound.
        found &= measured[objective.quantity] <= objective.limit_s * 1e9
    return found


def _verdict(
    told: LevelBegun, times: Times, window_ns: float, busy: float, *, several: bool
) -> tuple[LoadVerdict, str]:
    """What became of a level, and why."""
    if times.lost.any():
        lost = int(times.lost.sum())
        calls = "call of it was" if lost == 1 else "calls of it were"
        return "client-bound", f"a worker was lost, and {lost} {calls} not answered"
    delay = float(np.quantile(times.made - times.due, 0.99))
    median = float(np.median(times.ended - times.made))
    if busy >= BUSY:
        whose = "a worker" if several else "this process"
        return "client-bound", f"{whose} used {busy:.0%} of a processor"
    if told.level.concurrency is None and delay > max(LATE_NS, LATE_SHARE * median):
        return "client-bound", f"one call in a hundred was made {delay / 1e6:.0f} ms late or more"
    share = float(times.answered.mean())
    if share < COMPLETED:
        return "unstable", f"only {share:.0%} of its calls were answered"
    if told.level.concurrency is None and _grows(times, window_ns):
        return "unstable", "more and more calls were in flight"
    return "stable", ""


def _grows(times: Times, window_ns: float) -> bool:
    """Whether calls in flight became more from part to part of the window, after the first."""
    edges = np.linspace(0.0, window_ns, PARTS + 1)
    parts = [_in_flight(times, a, b) for a, b in pairwise(edges[1:])]
    rising = all(later > earlier for earlier, later in pairwise(parts))
    return rising and parts[-1] >= max(GROWN * parts[0], parts[0] + GROWN_BY)


def _in_flight(times: Times, begun_ns: float, ended_ns: float) -> float:
    """Calls due and not ended, averaged over a stretch of time."""
    inside = np.minimum(times.ended, ended_ns) - np.maximum(times.due, begun_ns)
    return float(np.maximum(inside, 0.0).sum() / max(ended_ns - begun_ns, 1.0))
