"""A comparison of two sides as a table, in words."""

from collections.abc import Iterator
from dataclasses import dataclass

from parrot_bench.record import ComparisonResult, GateVerdict, ModeComparison
from parrot_reports import units
from parrot_reports.comparing.sentences import GATES, difference

_NAMED = 4
"""So many modes of which the same is noted are named."""


@dataclass(frozen=True)
class Rows:
    """A comparison as a table.

    Attributes:
        heads: Over each column; the last is the verdict.
        rows: One a mode, in the order of the record.
        notes: What a cell has no room for, one line each.
    """

    heads: tuple[str, ...]
    rows: tuple["Row", ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Row:
    """One mode, in words.

    Attributes:
        cells: As :attr:`Rows.heads`.
        gate: Against the threshold; None where it is not gated.
        decided: There is a verdict that says something.
    """

    cells: tuple[str, ...]
    gate: GateVerdict | None
    decided: bool


def rows(result: ComparisonResult) -> Rows:
    """Write a comparison as a table."""
    times = [
        value
        for mode in result.modes
        for value in (mode.candidate_ns, mode.baseline_ns)
        if value is not None
    ]
    scale, unit = units.shared_unit(times)
    several = len({mode.study for mode in result.modes}) > 1
    clocks = {"CPU" if mode.decided_by == "cpu" else "wall" for mode in result.modes}

    def time(value: float | None) -> str:
        return units.NONE if value is None else units.significant(value / scale)

    heads = (
        "mode",
        f"baseline, {unit}",
        f"candidate, {unit}",
        f"difference [95 %], {' or '.join(sorted(clocks))} time",
        "verdict",
    )
    return Rows(
        heads=("study", *heads) if several else heads,
        rows=tuple(
            Row(
                cells=(
                    *((mode.study,) if several else ()),
                    mode.mode,
                    time(mode.baseline_ns),
                    time(mode.candidate_ns),
                    difference(mode.ratio),
                    verdict(mode, result.delta),
                ),
                gate=mode.gate,
                decided=mode.verdict in {"slower", "faster", "same"},
            )
            for mode in result.modes
        ),
        notes=tuple(_notes(result)),
    )


def _notes(result: ComparisonResult) -> Iterator[str]:
    """What is noted of modes; of many modes once."""
    noted: dict[str, list[str]] = {}
    for mode in result.modes:
        if mode.note:
            noted.setdefault(mode.note, []).append(mode.mode)
    for note, modes in noted.items():
        names = list(dict.fromkeys(modes))
        if len(modes) == len(result.modes) > 1:
            yield f"All modes: {note}."
        elif len(names) > _NAMED:
            yield f"{', '.join(names[:_NAMED])} and {len(names) - _NAMED} more: {note}."
        else:
            yield f"{', '.join(names)}: {note}."


def verdict(mode: ModeComparison, delta: float) -> str:
    """What is said of one mode; the gate's word first, where there is one."""
    words: str = mode.verdict
    if mode.verdict == "same":
        words = f"same within {units.percent(delta)}"
    if mode.gate is None:
        return words
    gate = GATES[mode.gate]
    return gate if mode.gate in {"inconclusive", "not measured"} else f"{gate}, {words}"
