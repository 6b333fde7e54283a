"""From saved runs to a comparison. Pure functions of the records."""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from parrot_bench.errors import UsageError
from parrot_bench.estimates import holm, within
from parrot_bench.gate import gate, worst
from parrot_bench.outer import MIN_UNITS, Groups
from parrot_bench.record import (
    Clock,
    ComparisonResult,
    Estimate,
    GateVerdict,
    ModeComparison,
    RunRecord,
    SideRecord,
    Verdict,
)
from parrot_bench.saved_runs.figures import Figure, figures
from parrot_bench.saved_runs.likeness import (
    alternated,
    changed_packages,
    unlike,
    unlike_versions,
)

BETWEEN_RUNS = 0.15
"""What is allowed for then: medians of separate runs of one code differed by 8 to 10 %."""

CONFIDENCE = 0.95

Side = Sequence[RunRecord]


def compare_saved(
    candidate: Side,
    baseline: Side,
    *,
    modes: Sequence[str] = (),
    fail_on: float | None = None,
    delta: float = 0.02,
    force: bool = False,
) -> ComparisonResult:
    """Compare records of saved runs; the arguments are those of :func:`parrot_bench.compare`.

    Raises:
        UsageError: The runs are unlike, or have no such mode.
    """
    differing = unlike([*baseline, *candidate])
    differing += unlike_versions(baseline) + unlike_versions(candidate)
    if differing and not force:
        raise UsageError(
            f"the runs are unlike: {differing[0]}; compare runs that differ in one thing, "
            "or go on with --force"
        )
    ours, theirs = _by_mode(candidate), _by_mode(baseline)
    keys = list(dict.fromkeys([*ours, *theirs]))
    known = {mode for _, mode in keys}
    for mode in modes:
        if mode not in known:
            raise UsageError(
                f"no run has the mode {mode!r}; they have: {', '.join(sorted(known)) or 'none'}"
            )
    floors = {m.name for run in (*candidate, *baseline) for m in run.modes if m.status == "floor"}
    gated = set(modes) or known - floors
    found = _modes({key: (ours.get(key, []), theirs.get(key, [])) for key in keys}, delta)
    judged = []
    for entry in found:
        looked_at = entry.mode in gated and (bool(modes) or entry.verdict != "not measured")
        verdict = _gate(entry, fail_on, 1) if looked_at and fail_on is not None else None
        judged.append(entry.model_copy(update={"gated": looked_at, "gate": verdict}))
    gates = [entry.gate for entry in judged if entry.gate is not None]
    return ComparisonResult(
        candidate=_side(candidate, baseline, candidate),
        baseline=_side(baseline, baseline, candidate),
        modes=tuple(judged),
        unit="run",
        units=min(len(candidate), len(baseline)),
        fail_on=fail_on,
        delta=delta,
        gate=None if fail_on is None else worst(gates),
        unlike=tuple(differing),
    )


def rejudge(
    result: ComparisonResult, *, modes: Sequence[str] = (), fail_on: float | None = None
) -> ComparisonResult:
    """Judge a saved comparison by another threshold, or by other modes.

    Raises:
        UsageError: It has no such mode.
    """
    known = {mode.mode for mode in result.modes}
    for name in modes:
        if name not in known:
            raise UsageError(
                f"the comparison has no mode {name!r}; it has: {', '.join(sorted(known))}"
            )
    threshold = result.fail_on if fail_on is None else fail_on
    if threshold is None:
        return result

    least = MIN_UNITS if result.unit == "pair" else 1

    def judged(mode: ModeComparison) -> GateVerdict | None:
        # Floors, and modes that a side lacks, are not gated unless they are asked for by name.
        if mode.mode in modes or (not modes and mode.gated):
            return _gate(mode, threshold, least)
        return None

    found = tuple(mode.model_copy(update={"gate": judged(mode)}) for mode in result.modes)
    gates = [mode.gate for mode in found if mode.gate is not None]
    return result.model_copy(update={"modes": found, "fail_on": threshold, "gate": worst(gates)})


def _gate(mode: ModeComparison, fail_on: float, least: int) -> GateVerdict:
    return "not measured" if mode.verdict == "not measured" else gate(mode.ratio, fail_on, least)


Both = tuple[Sequence[Figure], Sequence[Figure]]


def _modes(both: Mapping[tuple[str, str], Both], delta: float) -> list[ModeComparison]:
    """Compare each mode, then read all of them together."""
    found = {key: _mode(key, *figures) for key, figures in both.items()}
    tested = {
        str(key): groups.p_value()
        for key, figures in both.items()
        if (groups := _groups(*figures, found[key].decided_by)) is not None and groups.enough
    }
    adjusted = holm(tested)
    return [
        mode.model_copy(update={"verdict": _verdict(mode, adjusted.get(str(key)), delta)})
        for key, mode in found.items()
    ]


def _mode(key: tuple[str, str], ours: Sequence[Figure], theirs: Sequence[Figure]) -> ModeComparison:
    study, name = key
    if not ours or not theirs:
        which = "candidate" if not ours else "baseline"
        return ModeComparison(mode=name, study=study, note=f"the {which}'s runs lack it")
    clock: Clock = "wall" if "wall" in {f.decided_by for f in (*ours, *theirs)} else "cpu"
    deciding = _groups(ours, theirs, clock)
    if deciding is None:
        note = f"a side has no {'CPU' if clock == 'cpu' else 'wall'} time that could be divided"
    else:
        note = "" if deciding.enough else "fewer than three runs a side"
    return ModeComparison(
        mode=name,
        study=study,
        candidate_ns=None if deciding is None else math.exp(float(np.mean(deciding.candidate))),
        baseline_ns=None if deciding is None else math.exp(float(np.mean(deciding.baseline))),
        cpu_ratio=_ratio(_groups(ours, theirs, "cpu")),
        wall_ratio=_ratio(_groups(ours, theirs, "wall")),
        decided_by=clock,
        note=note,
        units=min(len(ours), len(theirs)),
    )


def _groups(ours: Sequence[Figure], theirs: Sequence[Figure], clock: Clock) -> Groups | None:
    one, other = (
        np.log([e.value for f in side if (e := getattr(f, clock)) is not None and e.value > 0])
        for side in (ours, theirs)
    )
    return Groups(one, other) if one.size and other.size else None


def _ratio(groups: Groups | None) -> Estimate | None:
    """The ratio; of few runs with the interval that separate runs of one code have."""
    if groups is None:
        return None
    if groups.enough:
        return groups.ratio(CONFIDENCE)
    value = math.exp(groups.difference)
    return Estimate(
        value=value,
        low=value / (1 + BETWEEN_RUNS),
        high=value * (1 + BETWEEN_RUNS),
        confidence=CONFIDENCE,
        count=groups.count,
        unit="ratio",
        note=f"fewer than {MIN_UNITS} runs a side: ±{BETWEEN_RUNS:.0%} is allowed for",
    )


def _verdict(mode: ModeComparison, adjusted: float | None, delta: float) -> Verdict:
    ratio = mode.ratio
    if ratio is None:
        return "not measured"
    differs = (
        adjusted <= 1 - CONFIDENCE if adjusted is not None else not ratio.low <= 1 <= ratio.high
    )
    if differs:
        return "slower" if ratio.value > 1 else "faster"
    return "same" if within(ratio, delta) else "not resolved"


def _side(own: Side, baseline: Side, candidate: Side) -> SideRecord:
    first = own[0]
    notes = []
    if own is candidate and not alternated(candidate, baseline):
        notes.append(
            "its runs were not made in turn with the other side's, so that whatever changed on "
            "the machine in between is part of the difference"
        )
    notes += [f"{run.name} is incomplete ({run.status_note})" for run in own if run.status_note]
    return SideRecord(
        label=first.name if len(own) == 1 else f"{first.name} and {len(own) - 1} more",
        kind="runs",
        spec="" if first.model is None else first.model.spec,
        commit=first.environment.commit,
        model=first.model,
        environment=first.environment,
        changed=changed_packages(candidate[0], baseline[0]) if own is baseline else {},
        notes=tuple(notes),
        runs=tuple(run.name for run in own),
    )


def _by_mode(runs: Side) -> dict[tuple[str, str], list[Figure]]:
    found: dict[tuple[str, str], list[Figure]] = {}
    for run in runs:
        for figure in figures(run):
            found.setdefault((figure.study, figure.mode), []).append(figure)
    return found
