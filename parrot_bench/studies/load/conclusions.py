"""What a load study's levels mean together: pure functions of what was told."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict

from parrot_bench.record import Capacity, LoadLevel, LoadResult, LoadWorker, RateBoundary
from parrot_bench.studies.gathered import Gathered
from parrot_bench.studies.load.levels import levels_of
from parrot_bench.studies.load.told import (
    WORKER_LOST,
    BoundaryFound,
    LevelBegun,
    LevelEnded,
    ModeLeftOut,
    SpansSent,
    UsedUp,
    WorkerJoined,
    WorkerLevel,
    WorkerLost,
)

LEAST_PLATEAU = 2
"""Levels that have to answer as much as one another."""


def conclude(gathered: Gathered) -> LoadResult | None:
    """Say what is known of every level so far; None without a call."""
    plan = gathered.request.load
    if plan is None:
        return None
    begun = [told for told in gathered.observed if isinstance(told, LevelBegun)]
    ended = {told.number: told for told in gathered.observed if isinstance(told, LevelEnded)}
    made = [(told, gathered.samples.followed.of_round(told.number)) for told in begun]
    levels = [
        level
        for told, calls in made
        for level in levels_of(told, calls, ended.get(told.number), plan)
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
        capacities=capacities(levels),
        left_out={t.mode: t.reason for t in gathered.observed if isinstance(t, ModeLeftOut)},
        used_up=next((t.bound for t in gathered.observed if isinstance(t, UsedUp)), ""),
        duration_s=gathered.elapsed_s,
        stopped_by=gathered.stopped_by,
        workers=worked(gathered.observed, gathered.samples.followed.by_worker()),
        exports=tuple(t.export for t in gathered.observed if isinstance(t, SpansSent)),
    )


def worked(
    observed: Sequence[object], calls: Mapping[tuple[str, str], int]
) -> tuple[LoadWorker, ...]:
    """Say what each of several workers did.

    Args:
        observed: What was told of a load.
        calls: How many it has by worker and type of error.
    """
    seen: dict[str, list[WorkerLevel]] = {}
    for told in observed:
        for each in told.workers if isinstance(told, LevelEnded) else ():
            seen.setdefault(each.worker, []).append(each)
    ended = {told.worker: told.reason for told in observed if isinstance(told, WorkerLost)}
    return tuple(
        _worker(
            told,
            sum(number for (worker, _), number in calls.items() if worker == told.worker),
            calls.get((told.worker, WORKER_LOST), 0),
            seen.get(told.worker, []),
            ended.get(told.worker, ""),
        )
        for told in observed
        if isinstance(told, WorkerJoined)
    )


def _worker(
    told: WorkerJoined, calls: int, lost: int, seen: Sequence[WorkerLevel], ended: str
) -> LoadWorker:
    offsets = [level.offset_ns for level in seen if level.offset_ns is not None]
    return LoadWorker(
        name=told.worker,
        host=told.host,
        pid=told.pid,
        calls=calls,
        lost=lost,
        busy=max((level.busy for level in seen if level.busy is not None), default=None),
        offset_ns=offsets[-1] if offsets else None,
        uncertainty_ns=max((level.uncertainty_ns or 0 for level in seen), default=None)
        if offsets
        else None,
        drift_ns=max(offsets) - min(offsets) if offsets else None,
        ended=ended,
        unlike=told.unlike,
    )


def capacities(levels: Sequence[LoadLevel]) -> tuple[Capacity, ...]:
    """The most that each mode's model answered in closed loops, and from which one on.

    Levels whose intervals reach that of the best one are on the plateau. There is one only where
    more in flight than at its beginning bring no more.
    """
    found = []
    for mode in dict.fromkeys(level.mode for level in levels):
        closed = [
            level
            for level in levels
            if level.mode == mode and level.concurrency and level.throughput_interval
        ]
        closed.sort(key=lambda level: level.concurrency or 0)
        if not closed:
            continue
        best = max(closed, key=lambda level: level.throughput)
        reaches = _bounds(best)[0]
        first = next(n for n, level in enumerate(closed) if _bounds(level)[1] >= reaches)
        plateau = closed[first:]
        if len(plateau) < LEAST_PLATEAU or not first:
            continue
        seconds = sum(level.window_s for level in plateau)
        halves = [_half_width(level) * level.window_s for level in plateau]
        rate = sum(level.throughput * level.window_s for level in plateau) / seconds
        half = sum(each**2 for each in halves) ** 0.5 / seconds
        found.append(
            Capacity(
                mode=mode,
                rate=rate,
                low=rate - half,
                high=rate + half,
                concurrency=plateau[0].concurrency or 0,
                client_bound=any(level.verdict == "client-bound" for level in plateau),
            )
        )
    return tuple(found)


def _half_width(level: LoadLevel) -> float:
    low, high = _bounds(level)
    return (high - low) / 2


def _bounds(level: LoadLevel) -> tuple[float, float]:
    return level.throughput_interval or (0.0, 0.0)


def _client_bound(levels: Sequence[LoadLevel], mode: str, rate: float | None) -> bool:
    """Whether this process was the limit at a rate."""
    made = [level for level in levels if (level.mode, level.rate) == (mode, rate)]
    return any(level.verdict == "client-bound" for level in made)
