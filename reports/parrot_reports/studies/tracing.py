"""What observability costs, in words and rows. Pure functions of the record."""

import math
from dataclasses import dataclass

from parrot_bench.record import (
    Estimate,
    ModeTracing,
    RunRecord,
    SpanExport,
    TracingCase,
    TracingResult,
)
from parrot_reports import colours, units
from parrot_reports.parts import Key, Name, Sentence
from parrot_reports.text import shortened

MIN_ROUNDS = 10

CASES = {
    "callbacks": "an empty handler",
    "no-op": "our handler",
    "file": "and a file",
    "otlp": "and OTLP",
    "collector": "and your collector",
}
"""The cases that add to ``none``, as they are called in a table's head."""

_INTO = {
    "file": "written to a file",
    "otlp": "sent over OTLP",
    "collector": "sent to your collector",
}


@dataclass(frozen=True, kw_only=True)
class TracingRow:
    """One mode in the table of cases.

    Attributes:
        mode: Name of the mode.
        look: How it is drawn.
        plain: CPU time of a call to which nothing listens.
        added: Of each case, in the order of the heads: what it adds, its interval, and the
            ratio; dashes where it was not measured.
    """

    mode: str
    look: colours.Look
    plain: str
    added: tuple[tuple[str, str, str], ...]


def sentence(record: RunRecord) -> Sentence:
    """The study in one sentence: the baseline's, or that of its first mode."""
    result = record.tracing
    if result is None or not result.modes:
        return ()
    baseline = record.configuration.baseline
    return cost(next((mode for mode in result.modes if mode.mode == baseline), result.modes[0]))


def cost(mode: ModeTracing) -> Sentence:
    """Say what tracing adds to a mode: "tracing adds 61 µs [58, 64] of CPU to invoke: 41 %"."""
    return _adds("Tracing", mode, mode.case("no-op"))


def handler_costs(result: TracingResult) -> list[tuple[ModeTracing, Sentence]]:
    """Say what each handler that was named adds to each mode, and how many spans it makes."""
    return [
        (mode, _adds(Name(handler.name), mode, mode.case(handler.name)))
        for handler in result.handlers
        for mode in result.modes
        if mode.case(handler.name) is not None
    ]


def _adds(who: str, mode: ModeTracing, case: TracingCase | None) -> Sentence:
    name = Name(mode.mode)
    if case is None or case.cpu_added is None or case.cpu_ratio is None:
        return (who, " was not measured in ", name, ".")
    made = case.spans_per_call
    spans = "" if made in {None, 1} else f", with {units.significant(made or 0)} spans a call"
    value, interval = added_time(case.cpu_added)
    rounds = case.cpu_added.count
    if rounds < MIN_ROUNDS:
        return (who, " in ", name, f": {rounds} rounds are too few to say{spans}.")
    if case.cpu_added.low <= 0 <= case.cpu_added.high:
        return (who, " in ", name, f": no cost resolved, {value} {interval}{spans}.")
    more = abs(case.cpu_ratio.value - 1)
    share = units.percent(more, 3 if more >= 1 else 2)
    verb, way = ("adds", "to") if case.cpu_added.value > 0 else ("takes", "from")
    return (who, f" {verb} ", Key(value), f" {interval} of CPU {way} ", name, f": {share}{spans}.")


def parts(mode: ModeTracing) -> Sentence:
    """Say where the time of a traced call goes."""
    case = mode.case("no-op")
    if case is None or not mode.layers:
        return ()
    words = {"model": "the model", "langchain": "LangChain", "callbacks": "callbacks"}
    said = ", ".join(
        f"{words.get(layer.layer, layer.layer)} {' '.join(added_time(layer.cpu))}"
        for layer in mode.layers
    )
    whole = units.duration(case.cpu.value)
    return ("Of a traced call of ", Name(mode.mode), f", {whole} of CPU: {said}.")


def exports(result: TracingResult) -> tuple[Sentence, ...]:
    """Say what it costs to get spans out, and whether they arrived."""
    return tuple(_export(export) for export in result.exports)


def _export(export: SpanExport) -> Sentence:
    counted = export.acknowledged if export.received is None else export.received
    arrived = (
        f"all {units.count(export.sent)} spans arrived"
        if export.delivered
        else f"of {units.count(export.sent)} spans {units.count(counted)} arrived"
    )
    into = _INTO.get(export.case, export.case)
    if export.cpu is None:
        return (f"A span {into}: not measured; {arrived}.",)
    value, interval = added_time(export.cpu)
    if export.cpu.count == 1:
        value, interval = units.duration(export.cpu.value), ""
    flushes = "one flush" if export.cpu.count == 1 else f"{export.cpu.count} flushes"
    most = units.count(export.spans_per_request)
    requests = f"from {flushes}, at most {most} spans a request"
    return (
        f"A span {into} costs ",
        Key(value),
        f" {interval}" if interval else "",
        f" of CPU more, later and on another thread ({requests}); {arrived}.",
    )


def heads(result: TracingResult) -> tuple[tuple[str, str], ...]:
    """The cases of the table, and what each is called; names of handlers last, cut to fit."""
    there = {case.case for mode in result.modes for case in mode.cases}
    ours = tuple((case, words) for case, words in CASES.items() if case in there)
    return ours + tuple((h.name, shortened(h.name, 22)) for h in result.handlers if h.name in there)


def rows(record: RunRecord) -> tuple[TracingRow, ...]:
    """The table of cases, a row a mode."""
    result = record.tracing
    if result is None:
        return ()
    kinds = {mode.name: mode.kind for mode in record.modes}
    found = []
    for mode in result.modes:
        plain = mode.case("none")
        found.append(
            TracingRow(
                mode=mode.mode,
                look=colours.look(mode.mode, kinds.get(mode.mode, "")),
                plain=units.NONE if plain is None else units.duration(plain.cpu.value),
                added=tuple(_cell(mode.case(case)) for case, _ in heads(result)),
            )
        )
    return tuple(found)


def _cell(case: TracingCase | None) -> tuple[str, str, str]:
    if case is None or case.cpu_added is None or case.cpu_ratio is None:
        return (units.NONE, "", "")
    return (*added_time(case.cpu_added), units.ratio(case.cpu_ratio)[0] + units.TIMES)


def added_time(estimate: Estimate) -> tuple[str, str]:
    """Write a time, or a difference of times, and its interval in the same unit.

    Returns:
        Such as ``("61 µs", "[58, 64]")``.
    """
    scale, unit = units.shared_unit([abs(estimate.value)])
    low, value, high = (x / scale for x in (estimate.low, estimate.value, estimate.high))
    # As many decimals as the interval justifies; a difference near 0 has no digits of its own.
    half = max((high - low) / 2, 1e-12)
    most = 2 - math.floor(math.log10(max(abs(value), 1.0)))
    places = max(0, min(math.ceil(-math.log10(half)), most))
    minus = "\N{MINUS SIGN}"
    shown, *bounds = (f"{x:.{places}f}".replace("-", minus) for x in (value, low, high))
    return f"{shown} {unit}", f"[{', '.join(bounds)}]"
