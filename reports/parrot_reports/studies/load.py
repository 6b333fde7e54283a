"""What callers see under load, in words and rows. Pure functions of the record."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from parrot_bench.record import (
    Capacity,
    LoadLevel,
    LoadResult,
    Percentile,
    RateBoundary,
    RunRecord,
)
from parrot_reports import units
from parrot_reports.parts import Key, Name, Sentence
from parrot_reports.text import visible

HEADS = (
    "mode", "load", "calls", "failed", "answered/s",
    "latency p50", "latency p95", "latency p99", "first chunk p50", "first chunk p95",
    "kept", "", "verdict",
)  # fmt: skip
"""Columns of the table; what they mean is said below it."""

NARROW = ("load", "calls", "failed", "answered/s", "latency p50", "latency p95", "first chunk p50",
          "kept", "verdict")  # fmt: skip
"""Those for which there is room in 80 columns."""

MINUS = "\N{MINUS SIGN}"

_P50, _P95, _P99 = 0.5, 0.95, 0.99


@dataclass(frozen=True, kw_only=True)
class LoadRow:
    """A level, as its row says it.

    Attributes:
        mode: Name of the mode.
        level: The level itself.
        cells: One a head.
    """

    mode: str
    level: LoadLevel
    cells: tuple[str, ...]


def sentence(record: RunRecord) -> Sentence:
    """The study in one sentence: up to which load the objectives are kept, or what is seen."""
    result = record.load
    if result is None or not result.levels:
        return ()
    if result.boundaries:
        return _boundary(result.boundaries[0], result)
    stable = [level for level in result.levels if level.verdict == "stable"]
    bound = [each for each in result.levels if each.verdict == "client-bound" and not each.lost]
    if len(bound) == len(result.levels):
        most = max(bound, key=lambda level: level.throughput)
        client = "a worker" if most.workers > 1 else "this process"
        answers = Key(f"{units.significant(most.throughput)} calls a second")
        return (f"At every load {client} is the limit, and not ", Name(most.mode), ": at most ",
                answers, f", at {load(most)}.")  # fmt: skip
    if not stable:
        first = result.levels[0]
        return (
            Name(first.mode),
            f" kept up with no load: at {load(first)}, {visible(first.reason)}.",
        )
    last = max(stable, key=lambda level: level.throughput)
    seen = _value(last.latency, _P95) or _value(last.latency, _P50)
    which = "p95" if _value(last.latency, _P95) else "median"
    said: Sentence = (Name(last.mode), f" at {load(last)}")
    if result.objectives:
        share, bounds = _share(last)
        said = (
            *said,
            " keeps ",
            _objectives(result),
            " in ",
            Key(share),
            f" of calls {bounds}",
        )
    elif seen is not None:
        said = (*said, " answers within ", Key(units.duration(seen)), f" ({which})")
    rest = [level for level in result.levels if level.verdict != "stable"]
    if rest:
        other: Sentence = () if rest[0].mode == last.mode else (Name(rest[0].mode), " ")
        return (*said, "; ", *other, f"at {load(rest[0])}, {visible(rest[0].reason)}.")
    return (*said, f", {units.significant(last.throughput)} answers a second.")


def _boundary(found: RateBoundary, result: LoadResult) -> Sentence:
    """Up to which rate the objectives are kept."""
    kept = _objectives(result)
    if found.kept is None:
        missed = (
            "" if found.missed is None else f", not even {units.significant(found.missed, 2)}/s"
        )
        return (Name(found.mode), f" keeps {kept} at no rate{missed}.")
    rate = f"{units.significant(found.kept)} calls a second"
    said: Sentence = (Name(found.mode), f" keeps {kept} up to ", Key(rate))
    if found.missed is None:
        return (*said, ", the highest that was tried.")
    at = units.significant(found.missed)
    if found.client_bound:
        return (*said, f"; at {at} this process was the limit, and not the model.")
    return (*said, f", three times of three, and not at {at}.")


def _objectives(result: LoadResult) -> str:
    return visible(", ".join(result.objectives))


def load(level: LoadLevel) -> str:
    """The load of a level."""
    if level.concurrency is not None:
        return f"{level.concurrency} in flight{' ↗' if level.ramp else ''}"
    if level.rate is None:
        return "recorded arrivals"
    # As it was asked for, or as a search came to it.
    rate = f"{level.rate:g}" if level.rate.is_integer() else units.significant(level.rate)
    return f"{rate}/s"


def heads(record: RunRecord, among: Sequence[str] = HEADS) -> tuple[str, ...]:
    """The columns that have something to say: no first chunk without a stream, one mode unnamed."""
    levels = record.load.levels if record.load else ()
    silent = (
        set()
        if any(level.first_chunk for level in levels)
        else {"first chunk p50", "first chunk p95"}
    )
    if len({level.mode for level in levels}) < 2:  # noqa: PLR2004  # then it is said above
        silent.add("mode")
    return tuple(head for head in among if head not in silent)


def rows(record: RunRecord) -> tuple[LoadRow, ...]:
    """One row a level."""
    levels = record.load.levels if record.load else ()
    return tuple(
        LoadRow(mode=level.mode, level=level, cells=(level.mode, load(level), *_cells(level)))
        for level in levels
    )


def _cells(level: LoadLevel) -> tuple[str, ...]:
    share, bounds = _share(level)
    return (
        units.count(level.calls),
        units.count(level.calls - level.completed),
        units.significant(level.throughput),
        *(_time(level.latency, rank) for rank in (_P50, _P95, _P99)),
        *(_time(level.first_chunk, rank) for rank in (_P50, _P95)),
        share,
        bounds,
        level.verdict,
    )


def _share(level: LoadLevel) -> tuple[str, str]:
    good = level.good
    low, high = (f"{100 * bound:.3g}" for bound in (good.low, good.high))
    return f"{100 * good.value:.3g} %", f"[{low}, {high}]"


def _time(found: tuple[Percentile, ...], rank: float) -> str:
    value = _value(found, rank)
    return units.NONE if value is None else units.duration(value)


def _value(found: tuple[Percentile, ...], rank: float) -> float | None:
    return next((each.value for each in found if each.rank == rank), None)


def remarks(result: LoadResult) -> tuple[str, ...]:
    """What is to be known of the levels, a sentence each."""
    found = [capacity(each) for each in result.capacities]
    found += _reasons(result.levels)
    found += [
        f"{level.mode} at {load(level)}: {_errors(level)}."
        for level in result.levels
        if level.errors
    ]
    found += [
        f"{level.mode} at {load(level)}: {units.count(level.due - level.calls)} of "
        f"{units.count(level.due)} calls were not made, as it was ended before."
        for level in result.levels
        if level.due is not None and level.calls < level.due
    ]
    if result.used_up:
        found.append(f"{visible(result.used_up)} was used up: no call was made after that.")
    found += [f"{mode} was left out: {why}." for mode, why in result.left_out.items()]
    found += [
        f"{each.name} ({each.host}, process {each.pid}) was lost ({each.ended}): of its "
        f"{units.count(each.calls)} calls {units.count(each.lost)} were not answered."
        for each in result.workers
        if each.ended
    ]
    return tuple(found)


def _reasons(levels: Sequence[LoadLevel]) -> Iterator[str]:
    """Why levels are not stable, those of one mode with one verdict together."""
    together: dict[tuple[str, str], list[LoadLevel]] = {}
    for level in levels:
        if level.reason:
            together.setdefault((level.mode, level.verdict), []).append(level)
    for (mode, verdict), alike in together.items():
        first, *others = map(load, alike)
        if not others:
            yield f"{mode} is {verdict} at {first}: {visible(alike[0].reason)}."
            continue
        # Two are named, of more the first and the last.
        where = (
            f"{first} and {others[0]}"
            if len(others) == 1
            else f"{len(alike)} loads, {first} to {others[-1]}"
        )
        yield f"{mode} is {verdict} at {where}: at {first}, {visible(alike[0].reason)}."


def capacity(found: Capacity) -> str:
    """The most that was answered, and from which number of calls in flight on."""
    low, high = units.significant(found.low), units.significant(found.high)
    limit = ": this process is the limit, and not the model" if found.client_bound else ""
    return (
        f"{found.mode} answers at most {units.significant(found.rate)} calls a second "
        f"[{low}, {high}], from {found.concurrency} in flight on{limit}."
    )


def _errors(level: LoadLevel) -> str:
    counted = ", ".join(f"{units.count(n)} {kind}" for kind, n in level.errors.items())
    limited = (
        f", of which too many requests (429): {level.rate_limited}" if level.rate_limited else ""
    )
    return f"{counted}{limited}"


WORKER_HEADS = (
    "worker",
    "machine",
    "process",
    "calls",
    "lost",
    "CPU at most",
    "clock",
    "±",
    "moved",
)
"""Columns of the table of workers; what they mean is said below it."""


def workers(result: LoadResult) -> tuple[tuple[str, ...], ...]:
    """What each worker did, a row each; none of one process alone."""
    return tuple(
        (
            each.name,
            each.host or units.NONE,
            str(each.pid) if each.pid else units.NONE,
            units.count(each.calls),
            units.count(each.lost),
            units.NONE if each.busy is None else units.percent(each.busy),
            *(
                units.NONE if ns is None else _clock(ns)
                for ns in (each.offset_ns, each.uncertainty_ns, each.drift_ns)
            ),
        )
        for each in result.workers
    )


def _clock(ns: int) -> str:
    """A time that may be negative; zero is one, too."""
    return f"{MINUS if ns < 0 else ''}{units.duration(abs(ns))}" if ns else "0"


def replies(level: LoadLevel) -> tuple[str, ...]:
    """What came of a level's replies: from chunk to chunk, and in tokens."""
    spans = ((level.token_gap, _P50, _P95), (level.chunk_gap, _P50, _P95),
             (level.longest_gap, _P50, _P95))  # fmt: skip
    return (
        load(level),
        *(_time(found, rank) for found, *ranks in spans for rank in ranks),
        units.NONE if level.tokens_per_s is None else units.significant(level.tokens_per_s),
        *(
            units.NONE if tokens is None else units.count(tokens)
            for tokens in (level.input_tokens, level.output_tokens)
        ),
    )


def conditions(level: LoadLevel) -> tuple[str, ...]:
    """What was seen of the client itself while a level was kept up."""
    dispatch = _value(level.dispatch, _P99)
    return (
        load(level),
        f"{units.significant(level.achieved_rate)}/s",
        units.significant(level.in_flight),
        units.count(level.peak),
        units.percent(level.busy),
        units.duration(level.loop_lag),
        units.NONE if dispatch is None else units.duration(dispatch),
    )
