"""A comparison of two sides, in words: for the terminal, for Markdown, for the page."""

from collections.abc import Iterator
from dataclasses import dataclass

from parrot_bench.record import ComparisonResult, Estimate, GateVerdict, ModeComparison
from parrot_reports import units
from parrot_reports.markdown import code, escaped

HEADS = ("study", "mode", "baseline", "candidate", "difference", "95 % interval", "verdict")

_LARGE = 2.0
"""From here on a ratio is written as a factor, and not as a difference."""

_WORDS: dict[GateVerdict, str] = {
    "pass": "PASS",
    "regression": "REGRESSION",
    "inconclusive": "INCONCLUSIVE",
    "not measured": "NOT MEASURED",
}


@dataclass(frozen=True)
class Row:
    """One mode, in words.

    Attributes:
        cells: As :data:`HEADS`.
        gate: Against the threshold; None where it is not gated.
        decided: There is a verdict that says something.
    """

    cells: tuple[str, ...]
    gate: GateVerdict | None
    decided: bool


def rows(result: ComparisonResult) -> list[Row]:
    """One row a mode, in the order of the record."""
    times = [
        value
        for mode in result.modes
        for value in (mode.candidate_ns, mode.baseline_ns)
        if value is not None
    ]
    scale, unit = units.shared_unit(times)

    def time(value: float | None) -> str:
        return "" if value is None else f"{units.significant(value / scale)} {unit}"

    return [
        Row(
            cells=(
                mode.study,
                mode.mode,
                time(mode.baseline_ns),
                time(mode.candidate_ns),
                difference(mode.ratio),
                interval(mode.ratio),
                verdict(mode, result.delta),
            ),
            gate=mode.gate,
            decided=mode.verdict in {"slower", "faster", "same"},
        )
        for mode in result.modes
    ]


def difference(ratio: Estimate | None) -> str:
    """The ratio as a difference in per cent: ``+3.1 %`` is slower than the baseline."""
    return "" if ratio is None else _share(ratio.value)


def interval(ratio: Estimate | None) -> str:
    """Its interval, in the same form."""
    return "" if ratio is None else f"{_share(ratio.low)} to {_share(ratio.high)}"


def _share(ratio: float) -> str:
    if ratio >= _LARGE or ratio <= 1 / _LARGE:
        return f"{ratio:.3g}{units.TIMES}"
    share = (ratio - 1) * 100
    return f"{share:+.1f} %" if abs(share) >= 1 else f"{share:+.2f} %"


def verdict(mode: ModeComparison, delta: float) -> str:
    """What is said of one mode; the gate's word first, where there is one."""
    words: str = mode.verdict
    if mode.verdict == "same":
        words = f"same within {delta * 100:g} %"
    if mode.note:
        words = f"{words}: {mode.note}"
    return words if mode.gate is None else f"{_WORDS[mode.gate]} ({words})"


def headline(result: ComparisonResult) -> str:
    """What is compared, and how it ended, in one line."""
    what = f"{result.candidate.label} against {result.baseline.label}"
    if result.gate is None:
        return what
    threshold = f"{(result.fail_on or 0) * 100:g} %"
    return f"{_WORDS[result.gate]}: {what}, fails when over {threshold} slower"


def remarks(result: ComparisonResult) -> Iterator[str]:
    """What a reader should know of how it was measured, one sentence each."""
    clock = "wall" if any(mode.decided_by == "wall" for mode in result.modes) else "CPU"
    if result.unit == "pair":
        yield (
            f"{result.units} pairs of fresh processes, {result.rounds} interleaved rounds, "
            f"{result.duration_s:.0f} s; intervals are over pairs, {clock} time decides."
        )
    else:
        yield f"Saved runs, {result.units} on the smaller side; {clock} time decides."
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
        if aa is not None:
            found = f"{difference(aa)} ({interval(aa)})"
            inside = aa.low <= 1 <= aa.high
            yield f"A/A within the {name}'s processes: {found}, " + (
                "which contains 0." if inside else "which should contain 0 and does not."
            )
    for field in result.unlike:
        yield f"Compared all the same, though unlike: {field}."


def markdown(result: ComparisonResult, name: str = "") -> str:
    """A section for a pull request's comment."""
    lines = [f"### {escaped(headline(result))}", ""]
    if name:
        lines += [f"Run {code(name)}.", ""]
    heads = list(HEADS)
    lines.append(f"| {' | '.join(heads)} |")
    lines.append("|---|---|---:|---:|---:|---:|---|")
    for row in rows(result):
        study, mode, *rest = row.cells
        cells = [escaped(study), code(mode, in_table=True), *(escaped(cell) for cell in rest)]
        lines.append(f"| {' | '.join(cell or ' ' for cell in cells)} |")
    lines += ["", *(f"- {escaped(remark)}" for remark in remarks(result)), ""]
    return "\n".join(lines)
