"""What the samples of the overhead study mean: ratios, verdicts, percentiles.

Pure functions of the samples. The samples are taken in :mod:`parrot_bench.studies.overhead.rounds`.
"""

from collections.abc import Sequence

import numpy as np

from parrot_bench.estimates import (
    MIN_VERDICT_ROUNDS,
    agree,
    first_fifth_against_rest,
    holm_verdicts,
    log_ratios,
    median_estimate,
    paired_ratio,
    relative_half_width,
    seconds_to_resolve,
)
from parrot_bench.events import Planned, PlannedMode
from parrot_bench.gate import verdicts as outer_verdicts
from parrot_bench.outer import MIN_UNITS, outer_ratio, unit_value
from parrot_bench.percentiles import percentiles
from parrot_bench.record import (
    Estimate,
    ModeOverhead,
    ModeRecord,
    OverheadResult,
    Percentile,
    StoppedBy,
    Verdict,
)
from parrot_bench.samples import Clock, Samples, Series
from parrot_bench.studies.gathered import Gathered

RANKS = (0.5, 0.9, 0.95, 0.99)

AA_CONFIDENCE = 0.99

CLOCKS: tuple[Clock, ...] = ("cpu", "wall")


def deciding_clock(plan: Planned) -> Clock:
    """Wall time decides for a model that waits, CPU time for all others.

    Two processes that hogged the cores shrank a true 5.6 % to 4.25 % in wall time and to
    5.0 % in CPU time.
    """
    return "wall" if plan.waits else "cpu"


def ratio(
    samples: Samples,
    planned: PlannedMode,
    baseline: str,
    clock: Clock,
    *,
    comparisons: int = 1,
    delta: float = 0.02,
) -> Estimate | None:
    """The paired ratio of a mode to the baseline; None before their first common round.

    A slow mode is divided by the baseline block that it brought along.
    """
    other = samples.of(planned.mode, "pair") if planned.paired else samples.of(baseline)
    own = samples.of(planned.mode)
    return _ratio(samples, own, other, clock, comparisons=comparisons, delta=delta)


def _ratio(
    samples: Samples,
    one: Series,
    other: Series,
    clock: Clock,
    *,
    comparisons: int = 1,
    confidence: float = 0.95,
    delta: float = 0.02,
) -> Estimate | None:
    mode, base = samples.paired(one, other, clock)
    if not mode.size:
        return None
    found = paired_ratio(mode, base, confidence=confidence, comparisons=comparisons, delta=delta)
    units = _units(samples, one, other, clock)
    if len(units) < MIN_UNITS:
        return found
    over = outer_ratio(units, confidence=1 - (1 - confidence) / comparisons)
    return found.model_copy(
        update={
            **({} if over is None else over.model_dump(include={"value", "low", "high"})),
            "confidence": confidence,
            "note": "; ".join(filter(None, [f"over {len(units)} processes", found.note])),
        }
    )


def _units(samples: Samples, one: Series, other: Series, clock: Clock) -> list[float]:
    """The median log ratio of each process."""
    if samples.processes < MIN_UNITS:
        return []
    pairs = samples.paired_by_process(one, other, clock)
    return [unit_value(log_ratios(mode, base)) for mode, base in pairs]


def on_target(samples: Samples, plan: Planned, baseline: str, target: float) -> bool:
    """Whether every mode's interval is narrower than the target. It looks at widths only."""
    clock = deciding_clock(plan)
    for planned in plan.modes:
        if planned.mode == baseline:
            continue
        found = ratio(samples, planned, baseline, clock)
        if found is None or relative_half_width(found) > np.log1p(target):
            return False
    return True


def enough(gathered: Gathered) -> bool:
    """Whether every mode's interval is as narrow as asked."""
    plan, request = gathered.plan, gathered.request
    if gathered.samples.processes < request.wanted_processes:
        return False
    return plan is not None and on_target(gathered.samples, plan, request.baseline, request.target)


def so_far(gathered: Gathered) -> list[tuple[str, Estimate]]:
    """The ratio of each mode to the baseline, from the rounds so far."""
    plan, baseline = gathered.plan, gathered.request.baseline
    if plan is None or gathered.samples.rounds < MIN_VERDICT_ROUNDS:
        return []
    found = (
        (planned.mode, ratio(gathered.samples, planned, baseline, deciding_clock(plan)))
        for planned in plan.modes
        if planned.mode != baseline and planned.mode not in gathered.dropped
    )
    return [(mode, estimate) for mode, estimate in found if estimate is not None]


def uncounted(gathered: Gathered) -> dict[str, str]:
    """Say which modes took part and have no round that counts, and why."""
    plan, samples = gathered.plan, gathered.samples
    if plan is None or not samples.rounds:
        return {}
    return {
        planned.mode: f"it is slow and takes part in one round of {planned.every}, and none that "
        f"counts was among the {samples.rounds} of this run; give it more --time"
        for planned in plan.modes
        if planned.mode not in gathered.dropped and not samples.of(planned.mode).rounds
    }


def conclude(gathered: Gathered) -> OverheadResult | None:
    """Estimate from the rounds so far; None before the first."""
    if gathered.plan is None or not gathered.samples.rounds:
        return None
    return result(
        gathered.samples,
        gathered.plan,
        gathered.described.modes,
        baseline=gathered.request.baseline,
        delta=gathered.request.delta,
        duration_s=gathered.elapsed_s,
        stopped_by=gathered.stopped_by,
        seed=gathered.request.seed or 0,
    )


def result(
    samples: Samples,
    plan: Planned,
    modes: Sequence[ModeRecord],
    *,
    baseline: str,
    delta: float,
    duration_s: float,
    stopped_by: StoppedBy,
    seed: int,
) -> OverheadResult:
    """Estimate everything the study was for.

    Args:
        samples: What was measured.
        plan: How each mode took part.
        modes: The table of modes, for floors and order.
        baseline: The mode the others are divided by.
        delta: Ratios inside ±delta are called the same, those that moved by less stable.
        duration_s: Wall time of the rounds.
        stopped_by: Why they ended.
        seed: Seed of the resampling behind the percentiles' intervals.
    """
    clock = deciding_clock(plan)
    measured = [p for p in plan.modes if samples.of(p.mode).rounds]
    floors = {mode.name: mode.floor for mode in modes}
    compared = [p for p in measured if p.mode != baseline]
    verdicts = _verdicts(samples, compared, baseline, clock, delta)
    entries = []
    for planned in measured:
        name = planned.mode
        own = samples.of(name)
        ratios: dict[str, Estimate | None] = {}
        for each in CLOCKS if name != baseline else ():
            one = ratio(samples, planned, baseline, each, delta=delta)
            joint = ratio(samples, planned, baseline, each, comparisons=len(compared), delta=delta)
            ratios[f"{each}_ratio"] = _as_stable_as(one, joint)
            ratios[f"{each}_ratio_joint"] = joint
        cpu_ratio, wall_ratio = ratios.get("cpu_ratio"), ratios.get("wall_ratio")
        decided = ratios.get(f"{clock}_ratio_joint")
        verdict = "baseline" if name == baseline else verdicts.get(name, "not measured")
        floor = samples.of(floors.get(name, ""))
        calls, wall_ns = sum(own.calls), sum(own.wall)
        entries.append(
            ModeOverhead(
                mode=name,
                cpu=median_estimate(own.per_call("cpu")),
                wall=median_estimate(own.per_call("wall")),
                **ratios,
                cpu_floor_ratio=_ratio(samples, own, floor, "cpu", delta=delta),
                wall_floor_ratio=_ratio(samples, own, floor, "wall", delta=delta),
                verdict=verdict,
                decided_by=clock,
                verdict_note=_note(decided),
                disagrees=cpu_ratio is not None
                and wall_ratio is not None
                and not agree(cpu_ratio, wall_ratio, delta),
                seconds_to_resolve=seconds_to_resolve(decided, delta, duration_s)
                if decided is not None and verdict == "not resolved"
                else None,
                cold=median_estimate(np.array(own.cold, dtype=np.float64) / planned.calls_per_unit)
                if own.cold
                else None,
                percentiles=_percentiles(samples, planned, seed),
                calls=calls,
                blocks=len(own.rounds),
                calls_per_block=planned.calls,
                every=planned.every,
                calls_per_second=calls / wall_ns * 1e9 if wall_ns else None,
                tokens_per_second=calls * planned.tokens / wall_ns * 1e9
                if wall_ns and planned.tokens is not None
                else None,
                errors=samples.errors(name),
            )
        )
    base, twin = samples.of(baseline), samples.of(baseline, "a/a")
    return OverheadResult(
        baseline=baseline,
        modes=tuple(entries),
        aa_cpu=_ratio(samples, twin, base, "cpu", confidence=AA_CONFIDENCE),
        aa_wall=_ratio(samples, twin, base, "wall", confidence=AA_CONFIDENCE),
        warmup_ratio=first_fifth_against_rest(base.per_call(clock)) if base.rounds else None,
        rounds=samples.rounds,
        stamped_rounds=samples.stamped_rounds,
        stopped_by=stopped_by,
        duration_s=duration_s,
        calls=samples.calls,
        processes=samples.processes,
    )


def _verdicts(
    samples: Samples, compared: Sequence[PlannedMode], baseline: str, clock: Clock, delta: float
) -> dict[str, Verdict]:
    """Read all modes together, over processes where there are enough of them."""
    both = {
        p.mode: (
            samples.of(p.mode),
            samples.of(p.mode, "pair") if p.paired else samples.of(baseline),
        )
        for p in compared
    }
    if samples.processes >= MIN_UNITS:
        units = {mode: _units(samples, *pair, clock) for mode, pair in both.items()}
        ratios = {p.mode: ratio(samples, p, baseline, clock) for p in compared}
        return outer_verdicts(units, ratios, delta)
    logs = {mode: log_ratios(*samples.paired(*pair, clock)) for mode, pair in both.items()}
    return holm_verdicts({mode: values for mode, values in logs.items() if values.size}, delta)


def _as_stable_as(one: Estimate | None, joint: Estimate | None) -> Estimate | None:
    """Let a ratio's own estimate be called stable where the joint one is."""
    if one is None or joint is None or one.stable == joint.stable:
        return one
    # Its note says also over how many processes, which are the same ones.
    return one.model_copy(update={"stable": joint.stable, "note": joint.note})


def _note(decided: Estimate | None) -> str:
    """Why a ratio is not stable.

    It is asked of the joint estimate: at p < 0.01 a mode, one of 17 equal modes was flagged in
    22 % of clean runs; at p < 0.01 for all together, in 1 %.
    """
    if decided is None or decided.stable:
        return ""
    return decided.note.rpartition("; ")[2]


def _percentiles(samples: Samples, planned: PlannedMode, seed: int) -> tuple[Percentile, ...]:
    if planned.calls_per_unit > 1:
        reason = "the calls of a batch overlap, so none is stamped by itself"
        return tuple(
            Percentile(rank=rank, value=None, low=None, high=None, count=0, reason=reason)
            for rank in RANKS
        )
    latencies, rounds, _ = samples.latencies(planned.mode)
    return percentiles(latencies, rounds, RANKS, seed=seed)
