"""Rows of the page's tables: every cell is text here, so that the template only sets it."""

from dataclasses import dataclass

from parrot_bench.record import Estimate, ModeOverhead, ModeReconciliation, RunRecord
from parrot_reports import colours, units
from parrot_reports.sentences import deciding_ratio, floors

Cell = tuple[str, str]
"""A number, and its interval or nothing."""

_EMPTY: Cell = (units.NONE, "")


@dataclass(frozen=True, kw_only=True)
class ModeRow:
    """One mode in both tables of modes.

    Attributes:
        mode: Name of the mode.
        look: How it is drawn.
        note: What the record says about the mode itself.
        cpu, wall: Times per call, in the table's unit.
        cpu_ratio, wall_ratio: Against the baseline.
        floor: Against its own floor, on the deciding clock.
        floor_name: Name of that floor.
        decided_by: The clock in bold.
        verdict: In words.
        amber: To be read with care.
        calls: Timed calls.
        percentiles: p50, p90, p95, p99; the second of each is a footnote's letter.
        calls_per_second, tokens_per_second: Rates.
        errors: Such as ``3 TimeoutError``; a dash for none.
    """

    mode: str
    look: colours.Look
    note: str
    cpu: str
    wall: str
    cpu_ratio: Cell
    wall_ratio: Cell
    floor: Cell
    floor_name: str
    decided_by: str
    verdict: str
    amber: bool
    calls: str
    percentiles: tuple[Cell, ...]
    calls_per_second: str
    tokens_per_second: str
    errors: str


@dataclass(frozen=True, kw_only=True)
class ModesTable:
    """Both tables of modes.

    Attributes:
        groups: Title and rows: sync, async, floors; empty groups are left out.
        cpu_unit: Unit of CPU times.
        wall_unit: Unit of wall times and latencies; a model that waits needs a larger one.
        footnotes: Letter and reason, for percentiles that are blank.
        unavailable: Names and reasons of modes that were not measured.
        confidence: Confidence of the intervals, such as ``95 %``.
    """

    groups: tuple[tuple[str, tuple[ModeRow, ...]], ...]
    cpu_unit: str
    wall_unit: str
    footnotes: tuple[tuple[str, str], ...]
    unavailable: tuple[tuple[str, str], ...]
    confidence: str


def modes_table(record: RunRecord) -> ModesTable | None:
    """Make the tables of modes; None when nothing was measured."""
    overhead = record.overhead
    if overhead is None or not overhead.modes:
        return None
    described = {mode.name: mode for mode in record.modes}
    measures = floors(record)
    cpu_scale, cpu_unit = units.shared_unit([m.cpu.value for m in overhead.modes if m.cpu])
    wall_scale, wall_unit = units.shared_unit([m.wall.value for m in overhead.modes if m.wall])
    notes: dict[str, str] = {}
    groups: dict[str, list[ModeRow]] = {"sync": [], "async": [], "floors": []}
    for mode in overhead.modes:
        about = described.get(mode.mode)
        group = "floors" if mode.mode in measures else about.kind if about else "sync"
        percentiles = tuple(
            (units.significant(p.value / wall_scale), "")
            if p.value is not None
            else ("", _letter(notes, p.reason or "not stamped"))
            for p in mode.percentiles
        )
        groups[group].append(
            ModeRow(
                mode=mode.mode,
                look=colours.look(mode.mode, about.kind if about else ""),
                note=about.note if about else "",
                cpu=_time(mode.cpu, cpu_scale),
                wall=_time(mode.wall, wall_scale),
                cpu_ratio=_ratio(mode.cpu_ratio, mode),
                wall_ratio=_ratio(mode.wall_ratio, mode),
                floor=_floor(mode),
                floor_name=about.floor if about else "",
                decided_by=mode.decided_by,
                verdict="floor" if group == "floors" else _verdict(mode, record),
                amber=_amber(mode),
                calls=units.count(mode.calls),
                percentiles=percentiles or (_EMPTY,) * 4,
                calls_per_second=_rate(mode.calls_per_second),
                tokens_per_second=_rate(mode.tokens_per_second),
                errors=_errors(mode.errors),
            )
        )
    ratios = [ratio for mode in overhead.modes if (ratio := deciding_ratio(mode))]
    return ModesTable(
        groups=tuple((title, tuple(rows)) for title, rows in groups.items() if rows),
        cpu_unit=cpu_unit,
        wall_unit=wall_unit,
        footnotes=tuple((letter, reason) for reason, letter in notes.items()),
        unavailable=unavailable(record),
        confidence=units.percent(ratios[0].confidence) if ratios else "",
    )


def unavailable(record: RunRecord) -> tuple[tuple[str, str], ...]:
    """Modes that were not measured, or were left out while running, each with its reason."""
    found = {mode.name: mode.unavailable for mode in record.modes if mode.unavailable}
    return tuple({**found, **record.failures}.items())


def reconciliation_row(mode: ModeReconciliation) -> dict[str, str]:
    """One traced mode, in words."""
    finding = "agrees" if mode.agrees else mode.error or _mismatch(mode)
    return {
        "mode": mode.mode,
        "calls": units.count(mode.calls),
        "spans": units.count(mode.chat_spans),
        "outer": units.NONE if mode.outer_spans is None else units.count(mode.outer_spans),
        "asked": units.NONE if mode.model_calls is None else units.count(mode.model_calls),
        "orphans": units.count(mode.orphans),
        "duplicates": units.count(mode.duplicates),
        "tokens_replies": _pair(mode.input_tokens_replies, mode.output_tokens_replies),
        "tokens_spans": _pair(mode.input_tokens_spans, mode.output_tokens_spans),
        "finding": finding,
        "agrees": "yes" if mode.agrees else "",
    }


def _mismatch(mode: ModeReconciliation) -> str:
    found = []
    outermost = mode.chat_spans if mode.outer_spans is None else mode.outer_spans
    if lost := mode.calls - outermost:
        word = "without a span" if lost > 0 else "too many spans"
        found.append(f"{abs(lost)} {word}")
    if mode.model_calls is not None and (lost := mode.model_calls - mode.chat_spans):
        word = "without a span" if lost > 0 else "too many spans"
        found.append(f"of models {abs(lost)} {word}")
    if mode.orphans:
        found.append(f"{mode.orphans} orphaned")
    if (mode.input_tokens_replies, mode.output_tokens_replies) != (
        mode.input_tokens_spans,
        mode.output_tokens_spans,
    ):
        found.append("tokens differ")
    return ", ".join(found) or "does not agree"


def _pair(first: int, second: int) -> str:
    return f"{units.count(first)} / {units.count(second)}"


def _time(estimate: Estimate | None, scale: float) -> str:
    return units.NONE if estimate is None else units.significant(estimate.value / scale)


def _ratio(estimate: Estimate | None, mode: ModeOverhead) -> Cell:
    if mode.verdict == "baseline":
        return ("1", "")
    return _EMPTY if estimate is None else units.ratio(estimate)


def _floor(mode: ModeOverhead) -> Cell:
    ratio = mode.cpu_floor_ratio if mode.decided_by == "cpu" else mode.wall_floor_ratio
    return _EMPTY if ratio is None else units.ratio(ratio)


def _verdict(mode: ModeOverhead, record: RunRecord) -> str:
    if mode.verdict == "same":
        return f"same within {units.percent(record.configuration.delta)}"
    return mode.verdict


def _amber(mode: ModeOverhead) -> bool:
    ratio = deciding_ratio(mode)
    return bool(mode.verdict_note or mode.disagrees or (ratio is not None and not ratio.stable))


def _rate(value: float | None) -> str:
    return units.NONE if value is None else units.significant(value)


def _errors(errors: dict[str, int]) -> str:
    said = ", ".join(f"{units.count(number)} {kind}" for kind, number in sorted(errors.items()))
    return said or units.NONE


def _letter(notes: dict[str, str], reason: str) -> str:
    """The footnote's letter: a to z, then aa and so on."""
    number = len(notes)
    letter = "abcdefghijklmnopqrstuvwxyz"[number % 26] * (number // 26 + 1)
    return notes.setdefault(reason, letter)
