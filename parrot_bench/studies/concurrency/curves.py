"""What the samples of the concurrency study mean: curves, knees, and what stops them.

Pure functions of what was told. The samples are taken in
:mod:`parrot_bench.studies.concurrency.cells`.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from parrot_bench.estimates import median_estimate
from parrot_bench.events import Call
from parrot_bench.percentiles import percentiles
from parrot_bench.record import (
    ConcurrencyCell,
    ConcurrencyResult,
    ConcurrencySweep,
    Estimate,
    LawCheck,
    Limit,
)
from parrot_bench.record.base import Unit
from parrot_bench.studies.concurrency.blame import blocked_loop
from parrot_bench.studies.concurrency.observations import (
    Begun,
    CellTaken,
    SweepBegun,
    SweepLeftOut,
)
from parrot_bench.studies.concurrency.plan import Cell
from parrot_bench.studies.gathered import Gathered

RANKS = (0.5, 0.95, 0.99)

NEAR_MOST = 0.95
"""A level whose throughput is this share of the highest is as good as that."""

GROWING = 0.8
"""Share of the ideal line at the highest level from which on nothing has stopped throughput."""

SERIAL = 1.5
"""Up to so many calls at once, more than one is not worked on."""

SATURATED = 0.85
"""Busy share from which on this process is the limit."""

WAITS_INSIDE = 1 / 3
"""Share of the waiting that has to be inside the model for the model to be the limit. It was 0.5
with a semaphore in the model, and 0.05-0.26 with a parrot that LangChain's own CPU held up."""

HALF_BUSY = 0.5
STILL_GROWS = 0.5
"""A process that is half busy, at a level that still brought this share of what more calls can
(both on a log scale): no wait has stopped them yet. The parrot's streams at 16 calls: busy
0.68-0.79 and 0.58-0.60, in three runs; with a semaphore of 4 inside: 0.31 and 0.02."""

LITTLES_TOLERANCE = 0.02
"""The counter and the stamps are two clock readings a call apart, some microseconds."""

LITTLES_LEAST_NS = 1e6
"""Stays that are shorter on average are not held against each other: those microseconds, and a
processor that is taken away between two readings, are a part of them that counts."""

CLOSED_TOLERANCE = 0.15
"""A batch has two ends at which fewer calls are in flight; eight waves make them an eighth."""


@dataclass(frozen=True)
class Repeats:
    """One cell, over the rounds.

    Attributes:
        cell: The cell.
        taken: One entry a repeat that is timed: in which the loop was not watched, if there is
            any.
        calls: Round and call, of the same repeats; empty where no call could be followed.
        watched: The repeats in which the loop was watched.
    """

    cell: Cell
    taken: Sequence[CellTaken]
    calls: Sequence[tuple[int, Call]]
    watched: Sequence[CellTaken] = ()

    @cached_property
    def throughput(self) -> dict[int, float]:
        """Calls answered per second, by round."""
        answered = Counter(number for number, call in self.calls if not call.error)
        return {
            t.round: (answered[t.round] if self.calls else t.cell.batch) * 1e9 / max(t.wall_ns, 1)
            for t in self.taken
        }

    @cached_property
    def latency(self) -> dict[int, float]:
        """Mean latency of the calls that were answered, nanoseconds, by round."""
        found: defaultdict[int, list[int]] = defaultdict(list)
        for number, call in self.calls:
            if not call.error:
                found[number].append(call.ended_ns - call.started_ns)
        if not self.calls and self.cell.batch == 1:
            return {taken.round: float(taken.wall_ns) for taken in self.taken}
        return {number: float(np.mean(latencies)) for number, latencies in found.items()}

    @property
    def rate(self) -> float:
        """Median throughput."""
        return float(np.median(list(self.throughput.values())))

    def summary(self) -> ConcurrencyCell:
        """The cell as it is saved."""
        answered = [(number, call) for number, call in self.calls if not call.error]
        stalls = [taken.stall_ns for taken in self.watched if taken.stall_ns is not None]
        return ConcurrencyCell(
            max_concurrency=self.cell.level,
            batch=self.cell.batch,
            in_flight=_estimate((t.in_flight for t in self.taken), "count"),
            achieved=_estimate((t.achieved for t in self.taken), "count"),
            throughput=_surely(self.throughput.values(), "per second"),
            latency=_estimate(self.latency.values(), "ns"),
            service=_estimate((t.service_ns for t in self.taken), "ns"),
            percentiles=percentiles(
                [call.ended_ns - call.started_ns for _, call in answered],
                [number for number, _ in answered],
                RANKS,
            ),
            peak=max(taken.peak for taken in self.taken),
            threads=max(taken.threads for taken in self.taken),
            loop_stall_ns=max(stalls) if stalls else None,
            busy=float(np.median([t.busy_ns / max(t.wall_ns, 1) for t in self.taken])),
            calls=len(self.taken) * self.cell.batch,
            repeats=len(self.taken),
            errors=dict(Counter(call.error for _, call in self.calls if call.error)),
        )


def conclude(gathered: Gathered) -> ConcurrencyResult | None:
    """Answer from the cells so far; None before the first."""
    begun = next((o for o in gathered.observed if isinstance(o, Begun)), None)
    taken = [o for o in gathered.observed if isinstance(o, CellTaken)]
    if begun is None or not taken:
        return None
    cells = _repeats(begun.sweeps, taken, gathered.samples.followed)
    sweeps = {
        number: sweep(told, [c for c in cells if c.cell.sweep == number], begun.executor_threads)
        for number, told in begun.sweeps.items()
    }
    dropped = {o.sweep: o.reason for o in gathered.observed if isinstance(o, SweepLeftOut)}
    missing = [begun.sweeps[number].label for number, found in sweeps.items() if not found.levels]
    never = "its cells take longer than the study's time; give more with --time"
    return ConcurrencyResult(
        service_s=begun.service_s,
        executor_threads=begun.executor_threads,
        sweeps=tuple(found for found in sweeps.values() if found.levels),
        reduced=begun.plan.reduced,
        littles_law=littles_law(cells, begun.sweeps),
        closed_loop=closed_loop(cells, begun.sweeps, sweeps),
        left_out={**dict.fromkeys(missing, never), **dropped},
        rounds=max(o.round for o in taken) + 1,
        stopped_by=gathered.stopped_by,
        duration_s=gathered.elapsed_s,
        calls=taken[-1].calls_so_far,
    )


def _repeats(
    sweeps: Mapping[int, SweepBegun], taken: Sequence[CellTaken], calls: Iterable[tuple[int, Call]]
) -> list[Repeats]:
    followed: defaultdict[tuple[str, str], list[tuple[int, Call]]] = defaultdict(list)
    for number, call in calls:
        followed[call.mode, call.case].append((number, call))
    by_cell: defaultdict[Cell, list[CellTaken]] = defaultdict(list)
    for each in taken:
        by_cell[each.cell].append(each)
    return [
        timed(cell, found, followed[sweeps[cell.sweep].mode, found[0].case])
        for cell, found in by_cell.items()
    ]


def timed(cell: Cell, taken: Sequence[CellTaken], calls: Iterable[tuple[int, Call]]) -> Repeats:
    """Tell the repeats that are timed from those in which the loop was watched."""
    watched = [each for each in taken if each.stall_ns is not None]
    others = [each for each in taken if each.stall_ns is None] or watched
    rounds = {each.round for each in others}
    return Repeats(cell, others, [(number, c) for number, c in calls if number in rounds], watched)


def sweep(told: SweepBegun, cells: Sequence[Repeats], executor_threads: int) -> ConcurrencySweep:
    """Say what one mode's throughput does over the levels, and what stops it.

    Args:
        told: The mode.
        cells: Its cells.
        executor_threads: Size of the loop's default executor.
    """
    levels = sorted((c for c in cells if c.cell.level is not None), key=_level)
    batches = sorted((c for c in cells if c.cell.level is None), key=lambda c: c.cell.batch)
    late = [sample for c in cells for each in c.watched for sample in each.late]
    longest = max((each.stall_ns or 0 for c in cells for each in c.watched), default=0)
    blocked = blocked_loop(late, longest)
    most = max(levels, key=lambda c: c.rate) if levels else None
    alone = next((c for c in levels if c.cell.level == 1), None)
    knee = _knee(most, alone) if most and alone else None
    return ConcurrencySweep(
        mode=told.mode,
        own_async=told.own_async,
        levels=tuple(c.summary() for c in levels),
        batches=tuple(c.summary() for c in batches),
        response=_estimate(alone.latency.values(), "ns") if alone else None,
        most=most.cell.level if most else None,
        enough=next(
            (c.cell.level for c in levels if most and c.rate >= NEAR_MOST * most.rate), None
        ),
        knee=knee,
        limit="blocked" if blocked else limit(levels, knee, told, executor_threads),
        blocked=blocked,
    )


def _level(repeats: Repeats) -> int:
    return repeats.cell.level or 0


def _knee(most: Repeats, alone: Repeats) -> Estimate | None:
    """N* = X_max · R(1), round by round; of medians where no round has both."""
    shared = sorted(most.throughput.keys() & alone.latency.keys())
    if not shared and alone.latency:
        response = float(np.median(list(alone.latency.values())))
        return _estimate([most.rate * response / 1e9], "count")
    return _estimate((most.throughput[r] * alone.latency[r] / 1e9 for r in shared), "count")


def limit(
    levels: Sequence[Repeats], knee: Estimate | None, told: SweepBegun, executor_threads: int
) -> Limit:
    """What throughput stops at, where no line blocks the loop.

    Args:
        levels: The levels, rising.
        knee: N*.
        told: The mode.
        executor_threads: Size of the loop's default executor.
    """
    if knee is None or len(levels) < 2:  # noqa: PLR2004  # one level is no curve
        return "none"
    highest = levels[-1].summary()
    asked = highest.max_concurrency or 1
    # The knee is in calls that are worked on at once, so it is on the ideal line at itself.
    if knee.value >= GROWING * asked:
        return "none"
    saturated = highest.busy >= SATURATED
    if not saturated and knee.value < SERIAL:
        return "serial"
    if told.own_async is False and highest.peak <= executor_threads < asked:
        return "executor"
    if saturated or (highest.busy >= HALF_BUSY and _still_grows(levels)):
        return "client"
    return "model" if _wait_inside(levels) else "client"


def _still_grows(levels: Sequence[Repeats]) -> bool:
    """Whether the last level brought much more throughput than the one before.

    A stream waits inside the model's own method whoever is late, so that :func:`_wait_inside`
    would blame the model for a loop that is busy with other streams.
    """
    one, last = levels[-2], levels[-1]
    more = math.log(_level(last) / _level(one))
    return math.log(max(last.rate, 1e-9) / max(one.rate, 1e-9)) >= STILL_GROWS * more


def _wait_inside(levels: Sequence[Repeats]) -> bool:
    """Whether calls that cannot be worked on wait inside the model's own method.

    With N asked for, each has N/X of time; what that is over R(1) is waiting, and what the time
    in the model is over that of a call alone is the part of it in there. Busy shares alone
    blamed a good model on a crowded machine, where a process gets less than a processor.
    """
    alone, last = levels[0], levels[-1]
    first, crowded = _service(alone), _service(last)
    if first is None or crowded is None or not alone.latency:
        return True
    waiting = _level(last) * 1e9 / max(last.rate, 1e-9) - float(
        np.median(list(alone.latency.values()))
    )
    return crowded - first > WAITS_INSIDE * waiting


def _service(repeats: Repeats) -> float | None:
    known = [taken.service_ns for taken in repeats.taken if taken.service_ns is not None]
    return float(np.median(known)) if known else None


def littles_law(cells: Sequence[Repeats], sweeps: Mapping[int, SweepBegun]) -> LawCheck | None:
    """The counter in the model's method against X·W from each call's stamps."""
    found = []
    for repeats in cells:
        stays: defaultdict[int, list[int]] = defaultdict(list)
        for number, call in repeats.calls:
            if call.entered_ns is not None and call.left_ns is not None:
                stays[number].append(call.left_ns - call.entered_ns)
        for taken in repeats.taken:
            if taken.achieved and len(stays[taken.round]) == taken.cell.batch:
                if sum(stays[taken.round]) < LITTLES_LEAST_NS * taken.cell.batch:
                    continue
                expected = sum(stays[taken.round]) / taken.wall_ns
                found.append((abs(taken.achieved / expected - 1), _named(repeats, sweeps)))
    return _law(found, LITTLES_TOLERANCE)


def closed_loop(
    cells: Sequence[Repeats],
    sweeps: Mapping[int, SweepBegun],
    found: Mapping[int, ConcurrencySweep],
) -> LawCheck | None:
    """X·R(N) against N, for levels up to half of the knee whose batch has eight waves."""
    deviations = []
    for repeats in cells:
        level, knee = repeats.cell.level, found[repeats.cell.sweep].knee
        if level is None or knee is None or level > knee.value / 2:
            continue
        if repeats.cell.batch < 8 * level or not repeats.latency:
            continue
        rounds = repeats.throughput.keys() & repeats.latency.keys()
        in_flight = [repeats.throughput[r] * repeats.latency[r] / 1e9 for r in rounds]
        deviation = abs(float(np.median(in_flight)) / level - 1)
        deviations.append((deviation, _named(repeats, sweeps)))
    return _law(deviations, CLOSED_TOLERANCE)


def _law(deviations: Sequence[tuple[float, str]], tolerance: float) -> LawCheck | None:
    if not deviations:
        return None
    worst, where = max(deviations)
    return LawCheck(cells=len(deviations), worst=worst, where=where, tolerance=tolerance)


def _named(repeats: Repeats, sweeps: Mapping[int, SweepBegun]) -> str:
    return f"{sweeps[repeats.cell.sweep].label}, {repeats.cell.case}"


def _estimate(values: Iterable[float | None], unit: Unit) -> Estimate | None:
    """Median over the rounds, with its interval; None where there is none."""
    known = [value for value in values if value is not None]
    return _surely(known, unit) if known else None


def _surely(values: Iterable[float], unit: Unit) -> Estimate:
    return median_estimate(list(values)).model_copy(update={"unit": unit})
