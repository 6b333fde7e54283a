"""What a run says, in words.

Pure functions from the saved record to sentences. A sentence claims nothing that the
verdict does not: where no difference is resolved, no ratio is named.
"""

from collections.abc import Iterable

from parrot_bench.record import Estimate, ModelDescription, ModeOverhead, RunRecord, apart
from parrot_reports import units
from parrot_reports.parts import Key, Name, Sentence, plain

_NEAR = 0.1
"""Ratios closer to 1 than this are easier to read as a percentage than as a factor."""


def verdict_sentence(mode: ModeOverhead, record: RunRecord) -> str:
    """Say what one mode costs against the baseline, in one line of text.

    Args:
        mode: What the overhead study found for the mode.
        record: The run it belongs to.

    Returns:
        One sentence, and a mark where the estimate has to be read with care.
    """
    return plain(verdict(mode, record))


def verdict(mode: ModeOverhead, record: RunRecord) -> Sentence:
    """Say what one mode costs against the baseline, as parts; see `verdict_sentence`."""
    return (*_finding(mode, record), *_care(mode), *_errors(mode))


def _finding(mode: ModeOverhead, record: RunRecord) -> Sentence:
    name = Name(mode.mode)
    baseline = Name(record.overhead.baseline if record.overhead else record.configuration.baseline)
    ratio = deciding_ratio(mode)
    if mode.verdict == "baseline":
        return (name, " is the baseline: ", _cost(mode, record), ".")
    if mode.verdict == "not measured":
        reason = mode.verdict_note or "no reason was saved"
        return (name, f" was not measured: {reason.rstrip('.')}.")
    if mode.verdict == "not resolved" or ratio is None:
        return (name, ": no difference resolved", _more_time(mode, record), ".")
    if mode.verdict == "same":
        value, interval = units.ratio(ratio)
        delta = units.percent(record.configuration.delta)
        return (name, " is the same as ", baseline, f" within {delta}: {value} {interval}.")
    return (name, " costs ", *_difference(ratio, baseline), ": ", _cost(mode, record), ".")


def _difference(ratio: Estimate, baseline: Name) -> Sentence:
    if abs(ratio.value - 1) >= _NEAR:
        value, interval = units.ratio(ratio)
        return (Key(f"{value}{units.TIMES}"), " ", baseline, f" {interval}")
    # 4.2 % more [3.8, 4.6]: the interval in the direction that the word names.
    sign = 1 if ratio.value >= 1 else -1
    bounds = sorted(sign * (bound - 1) * 100 for bound in (ratio.low, ratio.high))
    percent = sign * (ratio.value - 1) * 100
    places = apart(
        bounds, 0, max(1, units.decimals(bounds[0], percent, bounds[1])), units.MOST_PLACES
    )
    low, high = (f"{bound:.{places}f}" for bound in bounds)
    word = "more" if sign > 0 else "less"
    return (Key(f"{percent:.{places}f} %"), f" {word} than ", baseline, f" [{low}, {high}]")


def _cost(mode: ModeOverhead, record: RunRecord) -> str:
    batches = any(m.name == mode.mode and m.batches for m in record.modes)
    if batches and mode.cpu is not None and mode.wall is not None:
        # Calls in flight at once: neither clock tells the whole story.
        return f"{_time(mode.cpu)} CPU, {_time(mode.wall)} wall per call"
    time = deciding_time(mode)
    if time is None:
        return "its time per call was not saved"
    cpu = mode.decided_by == "cpu"
    return f"{_time(time)} {'CPU ' if cpu else ''}per call" + (_chunk_half(mode, record) * cpu)


def _chunk_half(mode: ModeOverhead, record: RunRecord) -> str:
    """What of it each chunk costs, where the streaming study knows, at this reply length."""
    streaming, length = record.streaming, record.configuration.reply_length
    cost = next((c for c in streaming.costs if c.mode == mode.mode), None) if streaming else None
    if cost is None:
        return ""
    near = [s.cpu for s in cost.segments if length and s.shorter < length <= s.longer]
    each = near[0] if near else cost.cpu
    return f", of which {units.duration(each.value)} per chunk" if each.low > 0 else ""


def _time(estimate: Estimate) -> str:
    return units.duration(estimate.value, 2 if estimate.value >= _TWO_DIGITS_NS else 3)


_TWO_DIGITS_NS = 1e6


def _more_time(mode: ModeOverhead, record: RunRecord) -> str:
    """How much longer the rounds would have to run; said as a difference to what they ran."""
    if mode.seconds_to_resolve is None or record.overhead is None:
        return ""
    more = mode.seconds_to_resolve - record.overhead.duration_s
    if more <= 0:
        return ""
    return f"; about {units.span_of_time(more)} more would resolve it"


def _care(mode: ModeOverhead) -> Sentence:
    """A mark that the finding is amber; why is said once for all modes, by the trust checks."""
    ratio = deciding_ratio(mode)
    shaky = mode.verdict_note or mode.disagrees or (ratio is not None and not ratio.stable)
    if not shaky or mode.verdict in {"baseline", "not measured"}:
        return ()
    return (" Read with care.",)


def _errors(mode: ModeOverhead) -> Sentence:
    if not mode.errors:
        return ()
    parts: list[str] = [" "]
    for index, (kind, number) in enumerate(sorted(mode.errors.items())):
        calls = "call" if number == 1 else "calls"
        parts += [", " if index else "", f"{units.count(number)} {calls} raised ", Name(kind)]
    return (*parts, ".")


def deciding_ratio(mode: ModeOverhead) -> Estimate | None:
    """The ratio to the baseline, on the clock that the verdict comes from."""
    return mode.cpu_ratio if mode.decided_by == "cpu" else mode.wall_ratio


def deciding_joint(mode: ModeOverhead) -> Estimate | None:
    """The same with its interval widened for all modes together."""
    return mode.cpu_ratio_joint if mode.decided_by == "cpu" else mode.wall_ratio_joint


def deciding_time(mode: ModeOverhead) -> Estimate | None:
    """Time per call, on the clock that the verdict comes from."""
    return mode.cpu if mode.decided_by == "cpu" else mode.wall


def floors(record: RunRecord) -> frozenset[str]:
    """Names of the modes that are floors: the model's own methods, called by hand."""
    return frozenset(mode.name for mode in record.modes if mode.status == "floor")


def has_floors(record: RunRecord) -> bool:
    """Whether modes can be divided by floors, which only chat models have."""
    return record.model is None or record.model.kind == "chat model"


def verdict_order(record: RunRecord) -> tuple[ModeOverhead, ...]:
    """The modes that get a sentence on the first screen, the most telling first.

    Baseline, then what costs more (most first), less, the same, and last what is not
    resolved or not measured. Floors are left out: they are measures, not choices.
    """
    if record.overhead is None:
        return ()
    place = {"baseline": 0, "slower": 1, "faster": 2, "same": 3, "not resolved": 4}

    def key(mode: ModeOverhead) -> tuple[int, float, str]:
        ratio = deciding_ratio(mode)
        return place.get(mode.verdict, 5), -(ratio.value if ratio else 0.0), mode.mode

    skipped = floors(record)
    return tuple(sorted((m for m in record.overhead.modes if m.mode not in skipped), key=key))


def modes_headline(record: RunRecord) -> Sentence:
    """How many modes cost more, and which the most; nothing where no mode was measured."""
    model = Name(model_name(record))
    told = verdict_order(record)
    others = [mode for mode in told if mode.verdict != "baseline"]
    if record.overhead is None or not told:
        return ()
    if not others:
        alone: Sentence = ("Nothing was compared in this run of ", model)
        (mode,) = told
        if deciding_time(mode) is None:
            return alone
        return (*alone, ": ", Name(mode.mode), f" takes {_cost(mode, record)}")
    baseline = Name(record.overhead.baseline)
    slower = [mode for mode in others if mode.verdict == "slower"]
    number = (
        f"{len(slower)} of {len(others)}" if len(slower) < len(others) else f"All {len(others)}"
    )
    if not slower:
        return ("No other way to call ", model, " is found to cost more than ", baseline)
    worst = slower[0]
    ratio = deciding_ratio(worst)
    if len(others) == 1:
        return (Name(worst.mode), " costs more than ", baseline, " to call ", model)
    factor = f", at {units.ratio(ratio)[0]}{units.TIMES}" if ratio else ""
    verb, most = ("costs", "") if len(slower) == 1 else ("cost", " the most")
    said = (f"{number} other ways to call ", model, f" {verb} more than ", baseline)
    return (*said, ": ", Name(worst.mode), most + factor)


def tally(record: RunRecord) -> str:
    """How many modes have which verdict: ``9 slower, 2 the same within 2 %, 1 not resolved``."""
    delta = units.percent(record.configuration.delta)
    words = {
        "slower": "slower",
        "faster": "faster",
        "same": f"the same within {delta}",
        "not resolved": "not resolved",
        "not measured": "not measured",
    }
    verdicts = [mode.verdict for mode in verdict_order(record)]
    found = [(verdicts.count(key), word) for key, word in words.items() if key in verdicts]
    return ", ".join(f"{number} {word}" for number, word in found)


def model_name(record: RunRecord) -> str:
    """What to call the model: its class, and the name it gives itself."""
    if record.model is None:
        return "the model"
    short = record.model.class_name.rsplit(".", 1)[-1]
    return short or record.model.model_name


def replayed(model: ModelDescription | None) -> str:
    """Say of recorded replies whose they are and how they were given back; empty for others."""
    if model is None or model.replay is None:
        return ""
    replay = model.replay
    when = replay.recorded.strftime("%Y-%m-%d")
    how = "zero latency" if replay.latency == "zero" else "when they came"
    said = (
        f"Replies recorded from {replay.recorded_from} on {when}, "
        f"{_number(replay.replies, 'reply', 'replies')}, {how}"
    )
    if replay.order == "prompt":
        chunks = _number(replay.median_chunks, "chunk", "chunks")
        said += (
            f"; a prompt that was recorded got its reply, any other the one of median length "
            f"({chunks})"
        )
    if replay.torn:
        said += "; the recording was broken off in the middle of a reply, which is left out"
    return f"{said}."


def trust_line(record: RunRecord) -> tuple[str, str]:
    """Say whether the run can be trusted.

    Returns:
        The level (``green``, ``amber``, ``red``) and a line of text.
    """
    red = [check for check in record.trust if check.level == "red"]
    amber = [check for check in record.trust if check.level == "amber"]
    total = _number(len(record.trust), "check", "checks")
    if red:
        named = _listed(check.name for check in red)
        return "red", f"Do not use these numbers: {named} failed ({total})."
    reasons = []
    if record.status == "incomplete":
        note = f" ({record.status_note.rstrip('.')})" if record.status_note else ""
        reasons.append(f"the run is incomplete{note}")
    if amber:
        named = _listed(check.name for check in amber)
        verb = "is" if len(amber) == 1 else "are"
        reasons.append(f"{len(amber)} of {total} {verb} amber ({named})")
    if reasons:
        return "amber", f"Read with care: {'; '.join(reasons)}."
    if not record.trust:
        return "amber", "Read with care: no trust checks were saved."
    every = "its only check is" if len(record.trust) == 1 else f"all {total} are"
    return "green", f"Can be trusted: {every} green."


def _number(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names)
