"""What the concurrency study says, in sentences and rows. Pure; only the record is needed."""

from dataclasses import dataclass

from parrot_bench.record import (
    BlockedLoop,
    CodePlace,
    ConcurrencyCell,
    ConcurrencyResult,
    ConcurrencySweep,
    Estimate,
    RunRecord,
)
from parrot_reports import colours, units
from parrot_reports.parts import Key, Name, Sentence

_URGENCY = ("blocked", "serial", "executor", "model", "client", "none")
"""What stops throughput, from a defect of the model to nothing."""


@dataclass(frozen=True, kw_only=True)
class SweepRow:
    """One sweep in the table.

    Attributes:
        mode: Name of the mode.
        how: What tells it from another sweep of the mode; empty for nothing.
        look: How it is drawn.
        response: R(1).
        most: The highest throughput, its interval, and the level it was found at.
        enough: The lowest level that is as good.
        knee: N* and its interval.
        asked: The highest level, and what was in the model's method of it.
        peak: Most calls in the model's method at once, and most threads.
        stall: Longest stall of the loop.
        limit: What stops it, in words.
        bad: That is a defect.
        errors: By type.
    """

    mode: str
    how: str
    look: colours.Look
    response: str
    most: tuple[str, str, str]
    enough: str
    knee: tuple[str, str]
    asked: tuple[str, str]
    peak: tuple[str, str]
    stall: str
    limit: str
    bad: bool
    errors: str


@dataclass(frozen=True, kw_only=True)
class LevelRow:
    """One cell in the long table: every entry is text."""

    mode: str
    how: str
    level: str
    batch: str
    achieved: str
    in_flight: str
    throughput: tuple[str, str]
    percentiles: tuple[tuple[str, str], ...]
    stall: str
    busy: str
    repeats: str


@dataclass(frozen=True, kw_only=True)
class ConcurrencySection:
    """Everything in the section but its figure.

    Attributes:
        sentences: Look and sentence of each sweep, the most urgent first.
        rows: One a sweep.
        cells: One a cell.
        laws: What the numbers must obey, and whether they do.
        notes: What was left out, and what was simulated.
    """

    sentences: tuple[tuple[colours.Look, Sentence], ...]
    rows: tuple[SweepRow, ...]
    cells: tuple[LevelRow, ...]
    laws: tuple[str, ...]
    notes: tuple[str, ...]


def section(record: RunRecord) -> ConcurrencySection | None:
    """Make the section; None where the study was not made."""
    result = record.concurrency
    if result is None or not result.sweeps:
        return None
    ordered = by_urgency(result)
    return ConcurrencySection(
        sentences=tuple((look(sweep), sentence(sweep, result)) for sweep in ordered),
        rows=tuple(_row(sweep, result) for sweep in result.sweeps),
        cells=tuple(
            _cell(sweep, cell, result)
            for sweep in result.sweeps
            for cell in (*sweep.levels, *sweep.batches)
        ),
        laws=tuple(_laws(result)),
        notes=tuple(_notes(result)),
    )


def headline(record: RunRecord) -> Sentence:
    """The one sentence for where there is room for one; empty where nothing was measured."""
    result = record.concurrency
    if result is None or not result.sweeps:
        return ()
    return sentence(by_urgency(result)[0], result)


def finding(record: RunRecord) -> Sentence:
    """What the figure shows: the most and the least that concurrency buys."""
    sweeps = record.concurrency.sweeps if record.concurrency else ()
    knees = [(sweep.knee, sweep) for sweep in sweeps if sweep.knee is not None]
    if record.concurrency is None or not knees:
        return ("Too few cells were measured for a knee.",)
    most, best = max(knees, key=lambda pair: pair[0].value)
    said = how(best, record.concurrency)
    sentence: Sentence = (
        "Concurrency buys most in ",
        Name(best.mode),
        f"{f' ({said})' if said else ''}: {knee(most)[0]}{units.TIMES} one call at a time",
    )
    least, worst = min(knees, key=lambda pair: pair[0].value)
    if worst is best:
        return (*sentence, ".")
    said = how(worst, record.concurrency)
    return (
        *sentence,
        ", and least in ",
        Name(worst.mode),
        f"{f' ({said})' if said else ''}: {knee(least)[0]}{units.TIMES}.",
    )


def by_urgency(result: ConcurrencyResult) -> list[ConcurrencySweep]:
    """The sweeps, defects first; in the order of the table among equals."""
    return sorted(result.sweeps, key=lambda sweep: _URGENCY.index(sweep.limit))


def look(sweep: ConcurrencySweep) -> colours.Look:
    """How a sweep is drawn."""
    return colours.look(sweep.mode, "sync" if sweep.own_async is None else "async")


def how(sweep: ConcurrencySweep, result: ConcurrencyResult) -> str:
    """What tells a sweep from another of the same mode; empty where there is no other."""
    same = sum(other.mode == sweep.mode for other in result.sweeps)
    if sweep.own_async is None or (same == 1 and sweep.own_async):
        return ""
    return "its own async" if sweep.own_async else "executor fallback"


def sentence(sweep: ConcurrencySweep, result: ConcurrencyResult) -> Sentence:
    """Say what concurrency buys in one mode, and what stops it."""
    said = how(sweep, result)
    name: Sentence = (Name(sweep.mode), f" ({said})" if said else "")
    best = next((c for c in sweep.levels if c.max_concurrency == sweep.most), None)
    if sweep.blocked is not None:
        return (*name, *_blocked(sweep.blocked, sweep.levels[-1]))
    if best is None or sweep.knee is None:
        return (*name, ": too few of its cells were measured to say what concurrency buys.")
    return (*name, *_stopped(sweep, sweep.knee, best, result.executor_threads))


def _stopped(
    sweep: ConcurrencySweep, found: Estimate, best: ConcurrencyCell, threads: int
) -> Sentence:
    """What follows the name, where no line blocks the loop."""
    value, interval = knee(found)
    at_once = Key(f"{value} calls at once")
    gains = f"{_rate(best.throughput)} at {best.max_concurrency} in flight"
    highest = sweep.levels[-1]
    said: dict[str, Sentence] = {
        "executor": (
            " stops at ",
            Key(f"{threads} calls at once"),
            ", the size of the event loop's default executor (min(32, CPUs + 4)), ",
            "where LangChain runs the synchronous model whatever ",
            Name("max_concurrency"),
            f" asks for: {gains}.",
        ),
        "serial": (
            " gains nothing from concurrency: the model works on ",
            at_once,
            f" {interval}; the others wait for it inside, as behind a lock or a pool of one",
            "." if sweep.own_async is None else ", and no line blocks the event loop.",
        ),
        "model": (
            " grows until the model works on ",
            at_once,
            f" {interval}; further ones wait inside it: {gains}.",
        ),
        "client": (
            " grows to ",
            Key(gains),
            f"; there this process is the limit, not the model (N* = {value} {interval}).",
        ),
        "none": (
            " scales to the ",
            Key(f"{highest.max_concurrency} in flight"),
            f" that were tried: {_rate(highest.throughput)}, {_of(highest)} in the model.",
        ),
    }
    return said[sweep.limit]


def _blocked(blocked: BlockedLoop, highest: ConcurrencyCell) -> Sentence:
    verb = {True: "computes", False: "waits without awaiting", None: "holds it"}[blocked.computes]
    called: Sentence = ()
    if blocked.called_from is not None:
        called = (", called from ", Name(written(blocked.called_from)))
    samples = f"{blocked.samples} of {blocked.taken} samples"
    return (
        " blocks the event loop: ",
        Name(written(blocked.place)),
        " in ",
        Name(blocked.place.function),
        f" {verb}",
        *called,
        f". It had {samples} of the loop's stack while that stood still, ",
        f"up to {units.duration(blocked.longest_ns)} at a time; calls do not overlap, ",
        f"{_of(highest)} are in the model.",
    )


def written(place: CodePlace) -> str:
    """A place as editors know it."""
    return f"{place.file}:{place.line}"


def _not_the_loop(sweep: ConcurrencySweep) -> str:
    return "" if sweep.own_async is None else ", and no line blocks the event loop"


def _of(cell: ConcurrencyCell) -> str:
    """Achieved beside requested."""
    if cell.achieved is None:
        return f"of {cell.max_concurrency} asked for an unknown number"
    return f"{_number(cell.achieved.value)} of {cell.max_concurrency} asked for"


def knee(estimate: Estimate) -> tuple[str, str]:
    """Write N* and its interval."""
    return units.significant(estimate.value), _bounds(estimate)


def _number(value: float) -> str:
    return units.significant(value, 2 if value < 10 else 3)  # noqa: PLR2004  # 1.0, 12.4


def _rate(estimate: Estimate) -> str:
    return f"{units.significant(estimate.value)} calls/s {_bounds(estimate)}"


def _bounds(estimate: Estimate) -> str:
    if estimate.count == 1:
        return "(once)"
    return f"[{units.significant(estimate.low)}, {units.significant(estimate.high)}]"


_LIMITS = {
    "none": "nothing up to there",
    "executor": "the default executor",
    "blocked": "a blocked event loop",
    "serial": "calls wait for each other",
    "client": "this process",
    "model": "the model",
}


def _row(sweep: ConcurrencySweep, result: ConcurrencyResult) -> SweepRow:
    best = next((c for c in sweep.levels if c.max_concurrency == sweep.most), None)
    highest = sweep.levels[-1]
    stalls = [
        c.loop_stall_ns for c in (*sweep.levels, *sweep.batches) if c.loop_stall_ns is not None
    ]
    errors: dict[str, int] = {}
    for cell in (*sweep.levels, *sweep.batches):
        for kind, number in cell.errors.items():
            errors[kind] = errors.get(kind, 0) + number
    return SweepRow(
        mode=sweep.mode,
        how=how(sweep, result),
        look=look(sweep),
        response=units.NONE if sweep.response is None else units.duration(sweep.response.value),
        most=(
            units.significant(best.throughput.value),
            _bounds(best.throughput),
            str(best.max_concurrency),
        )
        if best
        else (units.NONE, "", units.NONE),
        enough=units.NONE if sweep.enough is None else str(sweep.enough),
        knee=knee(sweep.knee) if sweep.knee else (units.NONE, ""),
        asked=(
            str(highest.max_concurrency),
            units.NONE if highest.achieved is None else _number(highest.achieved.value),
        ),
        peak=(
            units.count(max(c.peak for c in sweep.levels)),
            units.count(max(c.threads for c in sweep.levels)),
        ),
        stall=units.duration(max(stalls)) if stalls else units.NONE,
        limit=_LIMITS[sweep.limit],
        bad=sweep.limit in {"blocked", "serial"},
        errors=", ".join(f"{units.count(n)} {kind}" for kind, n in sorted(errors.items()))
        or units.NONE,
    )


def _cell(sweep: ConcurrencySweep, cell: ConcurrencyCell, result: ConcurrencyResult) -> LevelRow:
    level = cell.max_concurrency
    return LevelRow(
        mode=sweep.mode,
        how=how(sweep, result),
        level="default" if level is None else units.count(level),
        batch=units.count(cell.batch),
        achieved=units.NONE if cell.achieved is None else _number(cell.achieved.value),
        in_flight=units.NONE if cell.in_flight is None else _number(cell.in_flight.value),
        throughput=(units.significant(cell.throughput.value), _bounds(cell.throughput)),
        percentiles=tuple(
            (units.duration(p.value), "") if p.value is not None else ("", p.reason)
            for p in cell.percentiles
        ),
        stall=units.NONE if cell.loop_stall_ns is None else units.duration(cell.loop_stall_ns),
        busy=units.percent(cell.busy),
        repeats=units.count(cell.repeats),
    )


def _laws(result: ConcurrencyResult) -> list[str]:
    said = []
    for law, words in (
        (result.littles_law, "Little's law: the counter in the model's method against X·W"),
        (result.closed_loop, "Below half of the knee, throughput against N / R(N)"),
    ):
        if law is not None:
            verdict = "agrees" if law.agrees else "does not agree"
            said.append(
                f"{words} {verdict} within {units.percent(law.tolerance)}: at most "
                f"{units.percent(law.worst)} apart, in {law.where} ({law.cells} compared)."
            )
    return said


def _notes(result: ConcurrencyResult) -> list[str]:
    said = []
    if result.service_s is not None:
        said.append(
            f"The parrot's calls take a simulated {units.duration(result.service_s * 1e9)}."
        )
    if result.reduced:
        said.append(f"To fit the time or --max-calls: {result.reduced}.")
    said += [f"{sweep} is left out: {reason}." for sweep, reason in result.left_out.items()]
    return said
