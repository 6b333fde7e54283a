"""The page of a comparison: two sides next to each other."""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from markupsafe import Markup

from parrot_bench.record import (
    ComparisonResult,
    GateVerdict,
    ModeComparison,
    RunRecord,
    SideRecord,
)
from parrot_reports import colours, figures, sentences, svg, units
from parrot_reports.comparing import table
from parrot_reports.comparing.sentences import (
    GATES,
    difference_parts,
    doubts,
    finding,
    headline,
    order,
    remarks,
    sentence,
    together,
    trust_line,
)
from parrot_reports.page import RECORD_LIMIT, Page, configuration
from parrot_reports.setting import Section, environment, section, set_in_html

FIGURE = "differences"
"""Name of the first figure; those of further studies are numbered."""

_NO_DIFFERENCE = {"same", "not resolved", "not measured"}

_TONES: dict[GateVerdict | None, str] = {
    "regression": "red",
    "inconclusive": "amber",
    "not measured": "amber",
}
"""The head's colour where the gate decides it; else it is that of the trust in the numbers."""

_MANY = 14
"""Up to so many modes each has a sentence of its own."""


def render_comparison(
    result: ComparisonResult,
    *,
    name: str,
    record: RunRecord | None = None,
    files: Sequence[str] = (),
) -> Page:
    """Make the page of a comparison. The same comparison gives the same bytes.

    Args:
        result: The comparison.
        name: What it is called.
        record: The run that measured it; None for a comparison of saved runs.
        files: Names of data files beside the page.
    """
    told = order(result)
    kinds = {mode.name: mode.kind for mode in record.modes} if record is not None else {}
    looks = {mode.mode: colours.look(mode.mode, kinds.get(mode.mode, "")) for mode in told}
    drawn = _drawn(result, told, kinds)
    level, trust = trust_line(result) if record is None else sentences.trust_line(record)
    raw = result.model_dump_json(indent=1) if record is None else record.model_dump_json(indent=1)
    html = (
        environment()
        .get_template("compared.html.j2")
        .render(
            name=name,
            record=record,
            result=result,
            level=level,
            tone=_TONES.get(result.gate, level),
            trust=trust,
            headline=set_in_html(headline(result)),
            verdicts=[
                (
                    study,
                    [
                        (own[0], [looks[mode.mode] for mode in own], _gate(own[0]), said)
                        for own, said in _verdicts(result, modes, grouped=len(told) > _MANY)
                    ],
                )
                for study, modes in _by_study(told).items()
            ],
            doubts=tuple(doubts(result)) if record is None else (),
            remarks=tuple(remarks(result)),
            sides=tuple(_sides(result)),
            drawn=drawn,
            studies=[(study, looks, rows) for study, rows in _tables(result, told)],
            scatter=any(mode.between is not None for mode in told),
            command=shlex.join(record.command) if record is not None else _command(result),
            configuration=configuration(record) if record is not None else (),
            files=files,
            raw=raw if len(raw) <= RECORD_LIMIT else "",
            light=svg.variables(dark=False),
            dark=svg.variables(dark=True),
        )
    )
    return Page(html=html, figures=tuple(each.drawn for _, each in drawn))


def _verdicts(
    result: ComparisonResult, modes: Sequence[ModeComparison], *, grouped: bool
) -> Iterator[tuple[list[ModeComparison], Markup]]:
    """A sentence a mode of a study; or one for all that don't differ, where there are many."""
    groups: dict[tuple[object, ...], list[ModeComparison]] = {}
    for mode in modes:
        alone = () if grouped and mode.verdict in _NO_DIFFERENCE else (mode.mode,)
        alike = (mode.verdict, mode.gate, mode.gated, *alone)
        note = mode.note if mode.verdict == "not measured" else ""
        groups.setdefault((*alike, note), []).append(mode)
    for own in groups.values():
        said = sentence(own[0], result) if len(own) == 1 else together(own, result)
        yield own, set_in_html(said)


def _gate(mode: ModeComparison) -> str:
    return GATES[mode.gate] if mode.gate is not None else ""


def _by_study(modes: Sequence[ModeComparison]) -> dict[str, list[ModeComparison]]:
    """The modes by study, the whole call first."""
    found: dict[str, list[ModeComparison]] = {}
    if any(mode.study == "overhead" for mode in modes):
        found["overhead"] = []
    for mode in modes:
        found.setdefault(mode.study, []).append(mode)
    return found


def _drawn(
    result: ComparisonResult, modes: Sequence[ModeComparison], kinds: Mapping[str, str]
) -> list[tuple[str, Section]]:
    """A figure for each study that has ratios."""
    found: list[tuple[str, Section]] = []
    for study, own in _by_study(modes).items():
        name = f"{FIGURE}-{len(found) + 1}" if found else FIGURE
        figure = section(
            figures.differences(
                name, own, delta=result.delta, fail_on=result.fail_on, kinds=dict(kinds)
            ),
            finding(own),
        )
        if figure is not None:
            found.append((study, figure))
    return found


def _tables(
    result: ComparisonResult, modes: Sequence[ModeComparison]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """A table for each study, both clocks in it."""
    for study, own in _by_study(modes).items():
        times = [ns for mode in own for ns in (mode.candidate_ns, mode.baseline_ns) if ns]
        scale, unit = units.shared_unit(times)
        yield study, {"unit": unit, "rows": [_row(mode, result, scale) for mode in own]}


def _row(mode: ModeComparison, result: ComparisonResult, scale: float) -> dict[str, Any]:
    def time(nanoseconds: float | None) -> str:
        return units.NONE if nanoseconds is None else units.significant(nanoseconds / scale)

    nothing = (units.NONE, "")
    return {
        "mode": mode.mode,
        "baseline": time(mode.baseline_ns),
        "candidate": time(mode.candidate_ns),
        "cpu": nothing if mode.cpu_ratio is None else difference_parts(mode.cpu_ratio),
        "wall": nothing if mode.wall_ratio is None else difference_parts(mode.wall_ratio),
        "decided_by": mode.decided_by,
        "units": units.count(mode.units) if mode.units else units.NONE,
        "rounds": units.count(mode.rounds) if mode.rounds else units.NONE,
        "between": units.NONE if mode.between is None else units.percent(mode.between),
        "within": units.NONE if mode.within is None else units.percent(mode.within),
        "verdict": table.verdict(mode, result.delta),
        "gate": mode.gate,
        "note": mode.note,
    }


def _sides(result: ComparisonResult) -> Iterator[tuple[str, str, str]]:
    """What is known of each side: its name, the baseline's value, the candidate's."""
    ours, theirs = dict(_side(result.candidate)), dict(_side(result.baseline))
    for name in dict.fromkeys([*theirs, *ours]):
        yield name, theirs.get(name, units.NONE), ours.get(name, units.NONE)
    for package, (candidate, baseline) in sorted(result.baseline.changed.items()):
        yield package, baseline or "not installed", candidate or "not installed"


def _side(side: SideRecord) -> Iterator[tuple[str, str]]:
    yield "what", side.label
    if side.spec:
        yield "model given as", side.spec
    if side.commit:
        yield "commit", side.commit
    if side.runs:
        yield "runs", ", ".join(side.runs)
    if side.model is not None:
        yield "model class", side.model.class_name
        if said := sentences.replayed(side.model):
            yield "replies", said
        for name, value in sorted(side.model.identifying_params.items()):
            yield f"parameter {name}", str(value)
    if (where := side.environment) is not None:
        yield "Python", where.python
        yield "platform", where.platform
        yield "processor", f"{where.cpu or 'unknown'}, {where.logical_cpus} logical"
        yield "event loop", where.event_loop or "none"


def _command(result: ComparisonResult) -> str:
    candidates = [part for run in result.candidate.runs for part in ("--vs", run)]
    return shlex.join(["parrot-bench", "compare", *result.baseline.runs, *candidates])
