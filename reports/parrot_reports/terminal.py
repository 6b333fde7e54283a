"""A saved run on a terminal: whether it can be trusted, and the table of modes."""

import math
from collections.abc import Iterator, Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from parrot_bench.record import ModeOverhead, RunRecord
from parrot_reports.parts import plain
from parrot_reports.sentences import (
    deciding_ratio,
    deciding_time,
    floors,
    has_floors,
    replayed,
    trust_line,
)
from parrot_reports.studies import load
from parrot_reports.studies.headlines import headlines
from parrot_reports.text import visible
from parrot_reports.units import NONE, TIMES, duration, ratio

_COLOURS = {"green": "green", "amber": "yellow", "red": "red"}


_WIDE = 96
_WIDER = 130
"""Columns that the whole table of loads takes."""


def overview(record: RunRecord, width: int = _WIDE) -> RenderableType:
    """Return what is printed at the end of a run.

    Args:
        record: The run; it may be incomplete.
        width: Columns of the terminal; a narrow one leaves out the ratio to the floor.

    Returns:
        The trust line, the checks that are not green, and the table of modes
        in the order of their cost, floors apart.
    """
    parts: list[RenderableType] = [_trust(record)]
    parts += [
        Text(f"  {visible(check.name)}: {visible(check.sentence)}", style=_COLOURS[check.level])
        for check in record.trust
        if check.level != "green"
    ]
    if said := replayed(record.model):
        parts.append(Text(visible(said)))
    if record.overhead is not None:
        parts += [Text(""), _table(record, wide=width >= _WIDE and has_floors(record))]
    if record.load is not None:
        parts += _load_tables(record, wide=width >= _WIDER)
        parts += [Text(visible(text), style="yellow") for text in load.remarks(record.load)]
    for study, found in headlines(record):
        parts.append(Text.assemble("\n", (study, "bold"), f": {visible(plain(found))}"))
    missing: dict[str, list[str]] = {}
    for mode in record.modes:
        if mode.unavailable:
            missing.setdefault(visible(mode.unavailable), []).append(mode.name)
    parts += [
        Text(f"not measured: {', '.join(names)} ({reason})", style="dim")
        for reason, names in missing.items()
    ]
    return Group(*parts)


def _trust(record: RunRecord) -> Text:
    level, sentence = trust_line(record)
    word = {"green": "OK", "amber": "with care", "red": "failed"}[level]
    line = Text.assemble("trust: ", (word, f"bold {_COLOURS[level]}"), "   ")
    overhead = record.overhead
    if overhead is not None and overhead.modes:
        aa = overhead.aa_wall if overhead.modes[0].decided_by == "wall" else overhead.aa_cpu
        if aa is not None:
            line.append(f"A/A {' '.join(ratio(aa))}   ")
    if record.reconciliation is not None:
        modes = record.reconciliation.modes
        # Of a chain or a graph, what its models were asked stands against their spans.
        calls = sum(m.calls if m.model_calls is None else m.model_calls for m in modes)
        spans = sum(m.chat_spans for m in modes)
        sign = "=" if calls == spans else "≠"
        what = "call" if all(m.model_calls is None for m in modes) else "model call"
        line.append(f"{_counted(calls, what)} {sign} {_counted(spans, 'span')}")
    if overhead is None or record.status == "incomplete":
        line.append(f"\n  {sentence}", style=_COLOURS[level])
    return line


def _counted(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _table(record: RunRecord, *, wide: bool) -> Table:
    overhead = record.overhead
    assert overhead is not None  # noqa: S101  # asked by overview
    table = Table(box=None, padding=(0, 2 if wide else 1, 0, 0), header_style="dim", pad_edge=False)
    table.add_column("mode", no_wrap=True)
    floor_head = ("vs floor",) if wide else ()
    for head in ("CPU/call", "wall/call", f"vs {overhead.baseline}", "", *floor_head):
        table.add_column(head, justify="left" if not head else "right", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    below = floors(record)
    by_cost = sorted(overhead.modes, key=_cost)
    for mode in (m for m in by_cost if m.mode not in below):
        _row(table, mode, record, wide=wide)
    if any(mode.mode in below for mode in by_cost):
        table.add_row()
        for mode in (m for m in by_cost if m.mode in below):
            _row(table, mode, record, wide=wide, style="dim")
    return table


def _load_tables(record: RunRecord, *, wide: bool) -> Iterator[RenderableType]:
    """One row a level; where there are several modes and little room, each has its own table."""
    rows = load.rows(record)
    modes = dict.fromkeys(row.mode for row in rows)
    if wide or len(modes) == 1:
        yield from (Text(""), _load_table(record, rows, wide=wide))
        return
    for mode in modes:
        yield from (
            Text(f"\n{visible(mode)}", style="bold"),
            _load_table(record, [row for row in rows if row.mode == mode], wide=wide),
        )


def _load_table(record: RunRecord, rows: Sequence[load.LoadRow], *, wide: bool) -> Table:
    among = load.HEADS if wide else load.NARROW
    places = [load.HEADS.index(head) for head in load.heads(record, among)]
    table = Table(box=None, padding=(0, 2 if wide else 1, 0, 0), header_style="dim", pad_edge=False)
    for place in places:
        head = load.HEADS[place]
        left = head in {"mode", "load", "verdict", ""}
        # A word a line, so that a row fits into 80 columns.
        table.add_column(head.replace(" ", "\n"), justify="left" if left else "right", no_wrap=True)
    for row in rows:
        style = "" if row.level.verdict == "stable" else "yellow"
        table.add_row(*(row.cells[place] for place in places), style=style)
    return table


def _cost(mode: ModeOverhead) -> float:
    """Time of a call by the clock that decides; what has none stands last."""
    estimate = deciding_time(mode)
    return math.inf if estimate is None else estimate.value


def _row(
    table: Table, mode: ModeOverhead, record: RunRecord, *, wide: bool, style: str = ""
) -> None:
    value, interval = "1", ""
    against = deciding_ratio(mode)
    if against is not None:
        value, interval = ratio(against)
    elif mode.verdict != "baseline":
        value = NONE
    floor = mode.cpu_floor_ratio if mode.decided_by == "cpu" else mode.wall_floor_ratio
    verdict = mode.verdict
    if mode.verdict == "same":
        said = f"same within {record.configuration.delta * 100:g} %"
    elif style:
        said = "floor"
    else:
        said = verdict
    table.add_row(
        mode.mode,
        duration(mode.cpu.value) if mode.cpu else NONE,
        duration(mode.wall.value) if mode.wall else NONE,
        value,
        interval,
        *([f"{ratio(floor)[0]}{TIMES}" if floor else ""] if wide else []),
        Text(said, style={"slower": "yellow", "faster": "green"}.get(said, "")),
        style=style,
    )
