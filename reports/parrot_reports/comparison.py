"""A comparison of two sides, in words: for the terminal, for Markdown, for the page."""

from collections.abc import Iterator
from dataclasses import dataclass

from parrot_bench.record import ComparisonResult, Estimate, GateVerdict, ModeComparison
from parrot_reports import units

_LARGE = 2.0
"""From here on a ratio is written as a factor, and not as a difference."""

_FEWEST = 3
"""Under so many units an interval is as wide as it is meaningless."""

_WORDS: dict[GateVerdict, str] = {
    "pass": "PASS",
    "regression": "REGRESSION",
    "inconclusive": "INCONCLUSIVE",
    "not measured": "NOT MEASURED",
}


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
        notes=tuple(f"{mode.mode}: {mode.note}." for mode in result.modes if mode.note),
    )


def difference(ratio: Estimate | None) -> str:
    """The ratio as a difference: ``+3.1 % [+2.0, +4.2]`` is slower than the baseline."""
    if ratio is None:
        return units.NONE
    if not 1 / _LARGE < ratio.value < _LARGE:
        value, bounds = units.ratio(ratio)
        return f"{value}{units.TIMES} {bounds}"
    value, low, high = (f"{(r - 1) * 100:+.1f}" for r in (ratio.value, ratio.low, ratio.high))
    return f"{value} % [{low}, {high}]"


def verdict(mode: ModeComparison, delta: float) -> str:
    """What is said of one mode; the gate's word first, where there is one."""
    words: str = mode.verdict
    if mode.verdict == "same":
        words = f"same within {units.percent(delta)}"
    if mode.gate is None:
        return words
    gate = _WORDS[mode.gate]
    return gate if mode.gate in {"inconclusive", "not measured"} else f"{gate}, {words}"


def headline(result: ComparisonResult) -> str:
    """What is compared, and how it ended, in one line."""
    what = f"{result.candidate.label} against {result.baseline.label}"
    if result.gate is None:
        return what
    threshold = units.percent(result.fail_on or 0.0)
    return f"{_WORDS[result.gate]}: {what}; over {threshold} slower fails"


def remarks(result: ComparisonResult) -> Iterator[str]:
    """What a reader should know of how it was measured, one sentence each."""
    if result.unit == "pair":
        yield (
            f"{result.units} pairs of fresh processes, {units.count(result.rounds)} interleaved "
            f"rounds, {units.span_of_time(result.duration_s)}; intervals are over pairs."
        )
    else:
        yield f"Saved runs, {result.units} on the smaller side; intervals are over runs."
    for side in (result.candidate, result.baseline):
        changed = [
            f"{name} {here or 'not installed'} → {there or 'not installed'}"
            for name, (here, there) in side.changed.items()
        ]
        if changed:
            yield f"Installed for {side.label}: {', '.join(changed)}."
        for note in side.notes:
            yield f"{side.label}: {note}."
    for name, aa in (("candidate", result.aa_candidate), ("baseline", result.aa_baseline)):
        if aa is not None and aa.count >= _FEWEST:
            inside = aa.low <= 1 <= aa.high
            yield f"A/A within the {name}'s processes (99 %): {difference(aa)}, " + (
                "which contains 0." if inside else "which should contain 0 and does not."
            )
    for field in result.unlike:
        yield f"Compared all the same, though unlike: {field}."
