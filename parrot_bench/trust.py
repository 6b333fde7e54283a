"""The trust checks: reasons to believe a run, or not to, each in one sentence.

Pure functions of the record. Green is fine, amber is to be read with care, red has failed.
"""

from collections.abc import Iterator

from parrot_bench.outer import MIN_UNITS
from parrot_bench.record import (
    ComparisonResult,
    ConcurrencyResult,
    ConcurrencySweep,
    Condition,
    Environment,
    Estimate,
    LoadResult,
    Noise,
    OverheadResult,
    ParityResult,
    Reconciliation,
    RunRecord,
    TracingResult,
    TrustCheck,
    apart,
)

MIN_ROUNDS = 10
LOAD_PER_CPU = 0.75
OTHER_CPU_SHARE = 0.25
STEAL_SHARE = 0.02
SWITCHES_PER_S = 100.0
QUIET_SHARE = 0.05
WARM_UP = 0.05
ACHIEVED_SHARE = 0.9
SEEN_SHARE = 0.1
"""A call that is in the model for a smaller share of its time is hardly seen there with others."""

OVERLAP = 0.9
_MOST_PLACES = 6

_SENT_LATER = "; they are in spans.jsonl, and parrot-bench export sends them"
"""What can be done about spans that a collector has not taken."""


def checks(record: RunRecord) -> tuple[TrustCheck, ...]:
    """Return the checks of a record, in the order in which they are printed."""
    found: list[TrustCheck] = []
    if record.overhead is not None:
        waits = record.model is not None and record.model.waits
        floors = {mode.name for mode in record.modes if mode.status == "floor"}
        found += _overhead(record.overhead, floors, waits=waits)
    if record.comparison is not None:
        found += _compared(record.comparison)
    if record.concurrency is not None:
        found += _concurrency(record.concurrency)
    if record.load is not None:
        found += _load(record.load)
    if record.reconciliation is not None:
        found += _reconciled(record.reconciliation)
    if record.parity is not None:
        found += _parity(record.parity)
    if record.tracing is not None:
        found += _exported(record.tracing)
    found += _conditions(record.conditions)
    if record.noise is not None:
        found += _machine(record.noise, record.environment)
    if record.failures:
        names = ", ".join(f"{mode} ({reason})" for mode, reason in record.failures.items())
        found.append(_check("modes", "amber", f"Left out: {names}."))
    return tuple(found)


def _counted(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _check(name: str, level: str, sentence: str) -> TrustCheck:
    return TrustCheck.model_validate({"name": name, "level": level, "sentence": sentence})


def _ratio(aa: Estimate) -> str:
    """The ratio and its interval; one that leaves out 1 is not written as if it ended there."""
    bounds = (aa.low, aa.high)
    places = apart(bounds, 1, 3, _MOST_PLACES)
    low, high = (f"{bound:.{places}f}" for bound in bounds)
    return f"{aa.value:.{places}f} [{low}, {high}]"


def _overhead(result: OverheadResult, floors: set[str], *, waits: bool) -> Iterator[TrustCheck]:
    clock = "wall" if waits else "CPU"
    aa = result.aa_wall if waits else result.aa_cpu
    if aa is None or aa.count < MIN_ROUNDS:
        yield _check(
            "A/A",
            "amber",
            f"Only {_counted(result.rounds, 'round')} finished; "
            f"under {MIN_ROUNDS} nothing is compared.",
        )
    else:
        inside = aa.low <= 1 <= aa.high
        yield _check(
            "A/A",
            "green" if inside else "amber",
            f"{result.baseline} against a second instance of itself: {_ratio(aa)} "
            f"in {clock} time (99 %), "
            + ("which contains 1." if inside else "which should contain 1 and does not."),
        )
    # Floors are measures, not choices: one that wavers is marked in its own row.
    shaky = [m for m in result.modes if m.verdict_note and m.mode not in floors]
    if shaky:
        moved = ", ".join(f"{mode.mode} {mode.verdict_note}" for mode in shaky)
        # Not "its interval allows for it": of a ratio that switches between two values, the
        # interval held the value between them in 24-96 % of simulated runs, this range in 97-100 %
        # of those that were flagged.
        yield _check(
            "stability",
            "amber",
            f"{moved}: take that range for the interval, or run again on a quieter machine.",
        )
    else:
        yield _check("stability", "green", "No ratio moved within the run by more than matters.")
    split = [m.mode for m in result.modes if m.disagrees]
    if split:
        yield _check(
            "clocks",
            "amber",
            f"CPU and wall time say different things of {', '.join(split)}; both are shown.",
        )
    warm = result.warmup_ratio
    if warm is not None:
        agreed = warm.low <= 1 + WARM_UP and warm.high >= 1 - WARM_UP
        yield _check(
            "warm-up",
            "green" if agreed else "amber",
            f"The first fifth of the rounds took {warm.value:.2f} times as long as the rest "
            f"[{warm.low:.2f}, {warm.high:.2f}]"
            + ("." if agreed else ": warm-up was not over, or the machine changed its pace."),
        )
    failed = {m.mode: sum(m.errors.values()) for m in result.modes if m.errors}
    if failed:
        counts = ", ".join(f"{mode} {count}" for mode, count in failed.items())
        yield _check("errors", "amber", f"Blocks that raised and were left out: {counts}.")
    if result.stopped_by in {"interrupted", "failed"}:
        yield _check("rounds", "amber", f"The rounds were {result.stopped_by}.")


def _compared(result: ComparisonResult) -> Iterator[TrustCheck]:
    sides = (
        ("candidate", result.candidate, result.aa_candidate),
        ("baseline", result.baseline, result.aa_baseline),
    )
    for name, side, aa in sides:
        if aa is None or aa.count < MIN_UNITS:
            yield _check(
                "A/A",
                "amber",
                f"Only {_counted(result.units, 'pair')} of processes: too few to tell how they "
                f"differ ({name}).",
            )
        else:
            inside = aa.low <= 1 <= aa.high
            yield _check(
                "A/A",
                "green" if inside else "amber",
                f"Within the processes of {side.label}, a mode against a second instance of "
                f"itself: {_ratio(aa)} (99 %), "
                + ("which contains 1." if inside else "which should contain 1 and does not."),
            )
        if side.notes:
            yield _check("sides", "amber", f"{side.label}: {'; '.join(side.notes)}.")
    lacking = [f"{mode.mode} ({mode.note})" for mode in result.modes if not mode.units]
    if lacking:
        yield _check("modes", "amber", f"Not compared: {', '.join(lacking)}.")
    if result.stopped_by in {"interrupted", "failed"}:
        yield _check("rounds", "amber", f"The pairs were {result.stopped_by}.")


def _load(result: LoadResult) -> Iterator[TrustCheck]:
    levels = len(result.levels)
    calls = sum(level.calls for level in result.levels)
    failed = calls - sum(level.completed for level in result.levels)
    said = f"{failed} of {_counted(calls, 'call')} failed"
    if result.error_share > result.max_errors:
        yield _check("errors", "red", f"{said}, over the {result.max_errors:.1%} allowed.")
    else:
        yield _check("errors", "amber" if failed else "green", f"{said}.")
    if result.workers:
        yield from _workers(result)
    process = "A worker" if result.workers else "This process"
    bound = sum(level.verdict == "client-bound" and not level.lost for level in result.levels)
    if bound:
        found = f"{process}, and not the model, was the limit in {bound} of {levels} levels."
        yield _check("client saturation", "amber", found)
    else:
        yield _check("client saturation", "green", f"{process} never was the limit.")
    for export in result.exports:
        if export.exported < export.ended:
            yield _check(
                "export",
                "amber",
                f"{export.worker} to {export.exporter}: {export.ended - export.exported} of "
                f"{export.ended} spans were not delivered ({export.failed} failed, "
                f"{export.dropped} dropped" + (f"; {export.error}" if export.error else "") + ").",
            )
    silent = {each.name for each in result.workers} - {each.worker for each in result.exports}
    if result.exports and silent:
        yield _check(
            "export",
            "amber",
            f"Of the spans of {', '.join(sorted(silent))} nothing is known.",
        )
    elif result.exports and all(each.exported == each.ended for each in result.exports):
        ended = sum(each.ended for each in result.exports)
        yield _check("export", "green", f"All {ended} spans delivered.")
    over = sum(level.verdict == "unstable" for level in result.levels)
    if over:
        yield _check(
            "kept up", "amber", f"{over} of {levels} levels were more than was kept up with."
        )


def _workers(result: LoadResult) -> Iterator[TrustCheck]:
    """Whether the workers lived, are alike, and know what time it is."""
    gone = [each for each in result.workers if each.ended]
    for each in gone:
        yield _check(
            "workers",
            "red",
            f"{each.name} ({each.host}, process {each.pid}) was lost ({each.ended}), and with it "
            f"{_counted(each.lost, 'call')}, which count as failed.",
        )
    for each in result.workers:
        if each.unlike:
            differs = ", ".join(each.unlike[:3]) + (", …" if len(each.unlike) > 3 else "")  # noqa: PLR2004
            yield _check(
                "workers", "amber", f"{each.name} is not like {result.workers[0].name}: {differs}."
            )
    apart = [level.overlap for level in result.levels if level.overlap is not None]
    if apart and min(apart) < OVERLAP:
        yield _check(
            "workers",
            "amber",
            f"Only {min(apart):.0%} of a level was made by all runs at the same time.",
        )
    known = [w.uncertainty_ns for w in result.workers if w.uncertainty_ns is not None]
    clocks = (
        f"their clocks are known within {max(known) / 1e6:.1f} ms"
        if known
        else "how far their clocks are apart was not measured"
    )
    if not gone:
        yield _check("workers", "green", f"{_counted(len(result.workers), 'worker')}; {clocks}.")


def _concurrency(result: ConcurrencyResult) -> Iterator[TrustCheck]:
    brief = {sweep.mode: share for sweep in result.sweeps if (share := _alone(sweep)) < SEEN_SHARE}
    short = [said for sweep in result.sweeps if (said := _shortfall(sweep))]
    if short:
        found = f"Fewer calls were in the model than asked for: {'; '.join(short)}."
        yield _check("calls in flight", "amber", found)
    else:
        sentences = []
        if brief.keys() < {sweep.mode for sweep in result.sweeps} or not brief:
            sentences.append(
                f"At least {ACHIEVED_SHARE:.0%} of the calls asked for were in the model, up to "
                "where the executor's size or this process is said to be the limit."
            )
        if brief:
            sentences.append(
                f"In {', '.join(brief)} a call is in the model for at most "
                f"{max(brief.values()):.1%} of its time, too short for several to be seen there at "
                "once, however many are in flight."
            )
        yield _check("calls in flight", "green", " ".join(sentences))
    limited = [sweep for sweep in result.sweeps if sweep.limit == "client"]
    if limited:
        busy = max(cell.busy for sweep in limited for cell in sweep.levels)
        modes = ", ".join(dict.fromkeys(sweep.mode for sweep in limited))
        # The parrot does no work of its own: what is measured then is this process.
        parrot = result.service_s is not None
        yield _check(
            "client saturation",
            "green" if parrot else "amber",
            f"This process is the limit in {modes} (busy {busy:.0%})"
            + (", as it has to be with a parrot." if parrot else ", not the model."),
        )
    else:
        yield _check("client saturation", "green", "This process never was the limit.")
    law = result.littles_law
    if law is not None and not law.agrees:
        yield _check(
            "Little's law",
            "amber",
            f"Calls counted in flight and X·W are {law.worst:.1%} apart in {law.where}; "
            f"{law.tolerance:.0%} are allowed.",
        )


def _alone(sweep: ConcurrencySweep) -> float:
    """Share of its time for which a call alone is in the model; LangChain has the rest."""
    first = sweep.levels[0]
    if first.achieved is None:
        return 1.0
    return min(first.achieved.value / (first.max_concurrency or 1), 1.0)


def _shortfall(sweep: ConcurrencySweep) -> str:
    """The level with the smallest share of its calls in the model, where nothing explains it."""
    alone = _alone(sweep)
    explained = sweep.limit in {"executor", "client"} or alone < SEEN_SHARE
    if explained or sweep.levels[0].achieved is None:
        return ""
    shares = [
        (cell.achieved.value / (cell.max_concurrency or 1) / max(alone, 1e-9), cell)
        for cell in sweep.levels
        if cell.achieved is not None
    ]
    share, cell = min(shares, key=lambda pair: pair[0])
    if share >= ACHIEVED_SHARE or cell.achieved is None:
        return ""
    said = f"{sweep.mode} {cell.achieved.value:.1f} of {cell.max_concurrency}"
    if sweep.blocked is not None:
        place = sweep.blocked.place
        said += f" (the event loop is blocked at {place.file}:{place.line})"
    return said


def _reconciled(result: Reconciliation) -> Iterator[TrustCheck]:
    calls = sum(mode.calls for mode in result.modes)
    spans = sum(mode.chat_spans for mode in result.modes)
    wrong = [mode.mode for mode in result.modes if not mode.agrees]
    tokens = sum(mode.output_tokens_replies for mode in result.modes)
    made = f"{_counted(calls, 'traced call')} made {_counted(spans, 'span')}"
    outer = [mode.outer_spans for mode in result.modes if mode.outer_spans is not None]
    if outer:
        asked = sum(mode.model_calls or 0 for mode in result.modes)
        made = (
            f"{_counted(calls, 'traced call')} made {_counted(sum(outer), 'outermost span')}, and "
            f"{_counted(asked, 'call')} of models in them {_counted(spans, 'span')}"
        )
    if result.agrees:
        sentence = f"{made}; replies and spans agree on tokens"
        yield _check("reconciliation", "green", f"{sentence} ({tokens} out).")
    elif result.left_out_by:
        yield _check(
            "reconciliation",
            "amber",
            f"{made}: {result.left_out_by} leaves spans out, so they were not compared.",
        )
    else:
        where = ", ".join(wrong) if wrong else f"{result.started} started, {result.ended} ended"
        yield _check(
            "reconciliation",
            "red",
            f"{made}; they disagree in: {where}.",
        )
    for delivery in result.deliveries:
        lost = result.ended - delivery.exported
        if lost:
            yield _check(
                "export",
                "amber",
                f"{delivery.exporter}: {lost} of {result.ended} spans were not delivered "
                f"({delivery.failed} failed, {delivery.dropped} dropped"
                + (f"; {delivery.error}" if delivery.error else "")
                + ")"
                + (_SENT_LATER if delivery.exporter.startswith("otlp ") else "")
                + ".",
            )
        else:
            yield _check(
                "export", "green", f"{delivery.exporter}: all {result.ended} spans delivered."
            )


def _parity(result: ParityResult) -> Iterator[TrustCheck]:
    defects = [
        f"{defect.identifier} ({', '.join(defect.modes)})" if defect.modes else defect.identifier
        for defect in result.defects
    ]
    if defects:
        yield _check("parity", "amber", f"The model has defects: {'; '.join(defects)}.")


def _exported(result: TracingResult) -> Iterator[TrustCheck]:
    """Whether what the tracing study sent has arrived; a refused span costs less to export."""
    if result.left_out_by:
        yield _check(
            "tracing",
            "amber",
            f"{result.left_out_by} leaves spans out, so that tracing costs less here than it can.",
        )
    for export in result.exports:
        arrived = export.acknowledged if export.received is None else export.received
        told = f"of {export.sent} spans to {export.case} {arrived} arrived"
        if export.delivered:
            yield _check("tracing", "green", f"In the tracing study, {told}.")
        else:
            why = f" ({export.error})" if export.error else ""
            yield _check("tracing", "amber", f"In the tracing study, {told}{why}.")


def _conditions(found: tuple[Condition, ...]) -> Iterator[TrustCheck]:
    kept = [condition.name for condition in found if condition.kept]
    removed = [condition.name for condition in found if not condition.kept]
    if kept:
        yield _check("conditions", "amber", f"Measured with {', '.join(kept)}, as asked.")
    elif removed:
        yield _check(
            "conditions", "green", f"Removed from the timed process: {', '.join(removed)}."
        )
    else:
        yield _check("conditions", "green", "Nothing that distorts was found.")


def _machine(noise: Noise, environment: Environment) -> Iterator[TrustCheck]:
    troubles = []
    logical_cpus = environment.logical_cpus
    if noise.load_before is not None and noise.load_before > LOAD_PER_CPU * logical_cpus:
        troubles.append(
            f"load average was {noise.load_before:.1f} on {logical_cpus} processors before it began"
        )
    if noise.other_cpu_share is not None and noise.other_cpu_share > OTHER_CPU_SHARE:
        troubles.append(f"other processes used {noise.other_cpu_share:.0%} of the processors' time")
    if noise.steal_share is not None and noise.steal_share > STEAL_SHARE:
        troubles.append(f"the hypervisor took {noise.steal_share:.0%} of the processors' time")
    rate = (noise.involuntary_switches or 0) / max(noise.duration_s, 1e-9)
    # On a quiet machine a process loses its processor to its own threads, those of `batch`.
    others = noise.other_cpu_share is None or noise.other_cpu_share > QUIET_SHARE
    if rate > SWITCHES_PER_S and others:
        troubles.append(f"the timed process lost its processor {rate:.0f} times a second")
    if environment.governor == "powersave":
        troubles.append("the frequency governor is powersave")
    if troubles:
        yield _check("machine", "amber", f"The machine was busy: {'; '.join(troubles)}.")
    else:
        unknown = noise.other_cpu_share is None
        yield _check(
            "machine",
            "green",
            "Nothing speaks of a busy machine, but the share of other processes is unknown."
            if unknown
            else "The machine was quiet.",
        )
