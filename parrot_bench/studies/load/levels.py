"""What the calls of one level mean: percentiles, shares, whether it was kept up with. Pure."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from parrot_bench.calls import NONE, CallColumns
from parrot_bench.distributions import student_quantile, wilson
from parrot_bench.load import LoadPlan, Objective
from parrot_bench.percentiles import percentiles
from parrot_bench.record import Estimate, LoadLevel, LoadVerdict, Percentile
from parrot_bench.studies.load.told import WORKER_LOST, LevelBegun, LevelEnded, Window

Numbers = NDArray[np.float64]

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

RATE_PARTS = 10
LEAST_IN_PART = 3
"""Parts of the window for the interval of a rate, and the answers that each has to have."""


@dataclass(frozen=True)
class Times:
    """The calls of a level as arrays, nanoseconds, shape (calls,); NaN where there is none.

    Attributes:
        due: When each should have been made, after the beginning of the level.
        made: When it was.
        ended: When it ended, however it did.
        first: When its first chunk with content came; of a reply in one piece, its end.
        gap: From first to last chunk, by the tokens between.
        chunk_gap: The same by the chunks between: from one to the next, on average.
        longest: The longest time from one chunk to the next.
        answered: Whether it was.
        tokens: Output tokens.
        lost: Whether it was never made, or nothing is known of it, as a worker died.
    """

    due: Numbers
    made: Numbers
    ended: Numbers
    first: Numbers
    gap: Numbers
    chunk_gap: Numbers
    longest: Numbers
    answered: NDArray[np.bool_]
    tokens: Numbers
    lost: NDArray[np.bool_]

    @classmethod
    def of(cls, calls: CallColumns, begun_ns: int) -> "Times":
        """Read them off the calls."""
        answered = calls.errors == ""
        first = np.where(answered & (calls.first == NONE), calls.ended, calls.first)
        between = (calls.tokens > 1) & (calls.last > calls.first)
        gaps = (calls.last - calls.first) / np.maximum(calls.tokens - 1, 1)
        return cls(
            due=_known(calls.due) - begun_ns,
            made=_known(calls.started) - begun_ns,
            ended=_known(calls.ended) - begun_ns,
            first=_known(first) - begun_ns,
            gap=np.where(between, gaps, np.nan),
            chunk_gap=np.where(
                calls.chunks > 1,
                (calls.last - calls.first) / np.maximum(calls.chunks - 1, 1),
                np.nan,
            ),
            longest=_known(calls.longest),
            answered=answered,
            tokens=_known(calls.tokens),
            lost=calls.errors == WORKER_LOST,
        )


def _known(column: NDArray[np.int64]) -> Numbers:
    return np.where(column == NONE, np.nan, column.astype(np.float64))


def levels_of(
    told: LevelBegun, calls: CallColumns, ended: LevelEnded | None, plan: LoadPlan
) -> list[LoadLevel]:
    """Say what became of a level; of a ramp, of each of its steps in which calls were made.

    Args:
        told: What it was to be.
        calls: Its calls.
        ended: What was seen beside them; None where it was broken off.
        plan: What was asked for.
    """
    if not len(calls):
        return []
    if ended is None or told.level.ramp_from is None:
        window = ended.windows[0] if ended else _broken_off(calls)
        return [_level_of(told, calls, window, plan)]
    steps = []
    for number, window in enumerate(ended.windows):
        made = calls.where(_within(window, calls, calls.due))
        if not len(made):
            continue
        concurrency = window.concurrency or told.level.steps[number]
        step = replace(told, level=replace(told.level, concurrency=concurrency))
        # A call that was made in the step before and has ended in this one is an answer of this.
        answers = calls.where((calls.errors == "") & _within(window, calls, calls.ended))
        steps.append(_level_of(step, made, window, plan, answers=answers))
    return steps


def _within(window: Window, calls: CallColumns, times: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which times of calls lie in a window, or in their own worker's."""
    if not window.own:
        return (times >= window.begun_ns) & (times < window.ended_ns)
    found = np.zeros(len(calls), dtype=bool)
    for worker, (begun_ns, ended_ns) in window.own.items():
        found |= (calls.workers == worker) & (times >= begun_ns) & (times < ended_ns)
    return found


def _level_of(
    told: LevelBegun,
    calls: CallColumns,
    window: Window,
    plan: LoadPlan,
    *,
    answers: CallColumns | None = None,
) -> LoadLevel:
    """Say what became of a level or a step, of which there is at least one call.

    Args:
        told: What it was to be.
        calls: Calls that were due in its window.
        window: What was seen beside them.
        plan: What was asked for.
        answers: Calls answered in the window; None, and they are among the calls.
    """
    times = Times.of(calls, window.begun_ns)
    window_ns = max(float(window.ended_ns - window.begun_ns), 1.0)
    window_s = window_ns / 1e9
    answered = times.answered
    got = times if answers is None else Times.of(answers, window.begun_ns)
    in_time = got.answered & (got.ended <= window_ns)
    good = answered & kept(times, plan.objectives)
    low, high = wilson(int(good.sum()), len(calls))
    tokens = got.tokens[in_time]
    errors = Counter(calls.errors[calls.errors != ""].tolist())
    slices = np.floor(times.due / window_ns * SLICES)

    def of(values: Numbers) -> tuple[Percentile, ...]:
        known = answered & np.isfinite(values)
        return percentiles(values[known], slices[known]) if known.any() else ()

    workers = len(set(calls.workers.tolist()))
    late, made = times.made - times.due, ~times.lost
    latency, service = of(times.ended - times.due), of(times.ended - times.made)
    busy = window.busy_ns / window_ns
    verdict, reason = _verdict(told, times, window_ns, busy, several=workers > 1)
    stable = verdict != "unstable"
    return LoadLevel(
        mode=told.mode,
        concurrency=told.level.concurrency,
        ramp=told.level.ramp_from is not None,
        rate=told.level.rate,
        due=told.due,
        window_s=window_s,
        calls=len(calls),
        completed=int(answered.sum()),
        errors=dict(errors),
        rate_limited=int(calls.rate_limited.sum()),
        achieved_rate=float(((times.made <= window_ns) & ~times.lost).sum()) / window_s,
        in_flight=window.in_flight,
        peak=window.peak,
        latency=latency if stable else (),
        service=service if stable else (),
        # What came in one piece has no first chunk beside its latency.
        first_chunk=of(times.first - times.due) if stable and (calls.first != NONE).any() else (),
        token_gap=of(times.gap) if stable else (),
        chunk_gap=of(times.chunk_gap) if stable else (),
        longest_gap=of(times.longest) if stable else (),
        dispatch=percentiles(late[made], slices[made])
        if told.level.concurrency is None and made.any()
        else (),
        throughput=float(in_time.sum()) / window_s,
        throughput_interval=_rate_interval(got.ended[in_time], window_ns),
        input_tokens=_total(calls.input_tokens, answered),
        output_tokens=_total(calls.tokens, answered),
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
        overlap=window.overlap,
    )


def _total(tokens: NDArray[np.int64], answered: NDArray[np.bool_]) -> int | None:
    """Tokens of the answered calls; None where one does not tell."""
    known = tokens[answered]
    return None if (known == NONE).any() else int(known.sum())


def _rate_interval(ended: Numbers, window_ns: float) -> tuple[float, float] | None:
    """Interval of the answers in a second: a t-interval over parts of the window.

    Answers come in no more regular a way than calls are made and take, so that a Poisson interval
    would be too wide for a closed loop and too narrow for one that jams.
    """
    if ended.size < RATE_PARTS * LEAST_IN_PART:
        return None
    counts = np.histogram(ended, RATE_PARTS, (0.0, window_ns))[0] / (window_ns / RATE_PARTS / 1e9)
    half = student_quantile(CONFIDENCE, RATE_PARTS - 1) * counts.std(ddof=1) / RATE_PARTS**0.5
    return float(counts.mean() - half), float(counts.mean() + half)


def _broken_off(calls: CallColumns) -> Window:
    """The window of a level that was broken off: up to the end of its last call that is known."""
    if (seen := calls.errors != WORKER_LOST).any():
        calls = calls.where(seen)
    window = Window(begun_ns=int(calls.due.min()), ended_ns=int(calls.ended.max()))
    spent = int((calls.ended - calls.due).sum())
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
