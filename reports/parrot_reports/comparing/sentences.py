"""What a comparison found, as sentences for its page. No claim where nothing is resolved."""

from collections import Counter
from collections.abc import Iterator, Sequence

from parrot_bench.record import (
    ComparisonResult,
    Estimate,
    GateVerdict,
    ModeComparison,
    Verdict,
    apart,
)
from parrot_reports import units
from parrot_reports.parts import Key, Name, Sentence

GATES: dict[GateVerdict, str] = {
    "pass": "PASS",
    "regression": "REGRESSION",
    "inconclusive": "INCONCLUSIVE",
    "not measured": "NOT MEASURED",
}
"""What is said of a candidate against the threshold, in the word that is looked for."""

_LARGE = 2.0
"""From here on a ratio is written as a factor, and not as a difference."""

_FEWEST = 3
"""Under so many pairs, or runs a side, nothing tells how they differ among themselves."""

_ORDER: tuple[Verdict, ...] = (
    "slower",
    "faster",
    "same",
    "not resolved",
    "not measured",
    "baseline",
)

_PER = {
    "streaming, first chunk": "to the first chunk",
    "streaming, each chunk": "per chunk",
}
"""What a study's time is of, where it isn't of a call."""


def headline(result: ComparisonResult) -> Sentence:
    """How it ended, and the mode that decided it, in one sentence."""
    ours, theirs = Name(result.candidate.label), Name(result.baseline.label)
    if result.gate is None:
        return (ours, " against ", theirs, ": ", _tally(result))
    word, threshold = GATES[result.gate], units.percent(result.fail_on or 0.0)
    than = (f" over {threshold} slower than ", theirs)
    ended: dict[GateVerdict, Sentence] = {
        "pass": (ours, " is not", *than, " in any mode looked at"),
        "regression": (ours, " is", *than, *_worst(result)),
        "inconclusive": ("whether ", ours, " is", *than, " is not resolved"),
        "not measured": (ours, " was not measured against ", theirs, " in every mode looked at"),
    }
    return (f"{word}: ", *ended[result.gate])


def _tally(result: ComparisonResult) -> str:
    """Such as ``2 slower, 9 the same within 2 %``."""
    counted = Counter(mode.verdict for mode in result.modes)
    same = f"the same within {units.percent(result.delta)}"
    found = [
        f"{counted[verdict]} {same if verdict == 'same' else verdict}"
        for verdict in _ORDER
        if counted[verdict]
    ]
    return ", ".join(found) or "nothing was compared"


def _worst(result: ComparisonResult) -> Sentence:
    """Which of those that fail is the slowest."""
    failing = [mode for mode in result.modes if mode.gate == "regression"]
    found = [(ratio.value, mode) for mode in failing if (ratio := mode.ratio) is not None]
    if not found:
        return ()
    _, mode = max(found, key=lambda pair: pair[0])
    most = "" if len(failing) == 1 else f" in {len(failing)} modes, most"
    several = len({each.study for each in result.modes}) > 1
    study = f" ({mode.study})" if several else ""
    return (f"{most} in ", Name(mode.mode), study)


def order(result: ComparisonResult) -> tuple[ModeComparison, ...]:
    """The modes as they are told: what is looked at first, then the largest differences."""

    def key(mode: ModeComparison) -> tuple[bool, int, float]:
        size = -abs(mode.ratio.value - 1) if mode.ratio is not None else 0.0
        decided = mode.verdict in {"slower", "faster"}
        return not mode.gated, _ORDER.index(mode.verdict), size if decided else 0.0

    return tuple(sorted(result.modes, key=key))


def sentence(mode: ModeComparison, result: ComparisonResult) -> Sentence:
    """Say what was found for one mode of a study."""
    name, ratio = Name(mode.mode), mode.ratio
    if ratio is None or mode.verdict == "not measured":
        return (name, f" was not measured: {mode.note or 'no reason was saved'}.")
    if mode.verdict == "not resolved":
        return (name, ": no difference resolved.")
    times = _times(mode)
    if mode.verdict == "same":
        within = f" is the same within {units.percent(result.delta)}: "
        return (name, within, difference(ratio), f", {times}." if times else ".")
    return (name, *_difference(ratio), f": {times}." if times else ".")


def together(modes: Sequence[ModeComparison], result: ComparisonResult) -> Sentence:
    """Say of several modes of a study what is true of them all, and is no difference."""
    names: list[str] = []
    for mode in modes:
        names += [", " if names else "", Name(mode.mode)]
    first = modes[0]
    if first.verdict == "same":
        return (f"The same within {units.percent(result.delta)}: ", *names, ".")
    if first.verdict == "not measured":
        return ("Not measured: ", *names, f" ({first.note or 'no reason was saved'}).")
    return ("No difference resolved: ", *names, ".")


def difference(ratio: Estimate | None) -> str:
    """The ratio as a difference: ``+3.1 % [+2.0, +4.2]`` is slower than the baseline."""
    return units.NONE if ratio is None else " ".join(difference_parts(ratio))


def difference_parts(ratio: Estimate) -> tuple[str, str]:
    """The same, value and interval apart."""
    if not 1 / _LARGE < ratio.value < _LARGE:
        value, bounds = units.ratio(ratio)
        return f"{value}{units.TIMES}", bounds
    percents = [(r - 1) * 100 for r in (ratio.value, ratio.low, ratio.high)]
    places = apart(percents[1:], 0, 1, units.MOST_PLACES)
    value, low, high = (f"{each:+z.{places}f}" for each in percents)
    return f"{value} %", f"[{low}, {high}]"


def _difference(ratio: Estimate) -> Sentence:
    if not 1 / _LARGE < ratio.value < _LARGE:
        value, bounds = units.ratio(ratio)
        return (" takes ", Key(f"{value}{units.TIMES}"), f" as long {bounds}")
    sign = 1 if ratio.value >= 1 else -1
    low, high = sorted(sign * (bound - 1) * 100 for bound in (ratio.low, ratio.high))
    percent = sign * (ratio.value - 1) * 100
    places = apart((low, high), 0, max(1, units.decimals(low, percent, high)), units.MOST_PLACES)
    word = "more" if sign > 0 else "less"
    bounds = f"[{low:.{places}f}, {high:.{places}f}]"
    return (" takes ", Key(f"{percent:.{places}f} % {word}"), f" {bounds}")


def _times(mode: ModeComparison) -> str:
    if mode.candidate_ns is None or mode.baseline_ns is None:
        return ""
    clock = "CPU " if mode.decided_by == "cpu" else ""
    both = f"{units.duration(mode.candidate_ns)} against {units.duration(mode.baseline_ns)}"
    return f"{both} {clock}{_PER.get(mode.study, 'per call')}"


def finding(modes: Sequence[ModeComparison]) -> Sentence:
    """What a figure of differences shows: the largest, and how many intervals include 0."""
    found = [(ratio, mode) for mode in modes if (ratio := mode.ratio) is not None]
    if not found:
        return ("No mode has a ratio.",)
    most, mode = max(found, key=lambda pair: abs(pair[0].value - 1))
    across = sum(ratio.low <= 1 <= ratio.high for ratio, _ in found)
    said: Sentence = ("The largest difference is that of ", Name(mode.mode), ", ", difference(most))
    if len(found) == 1:
        return (*said, "." if not across else ", an interval that includes 0.")
    return (*said, f"; {across} of {len(found)} intervals include 0.")


def remarks(result: ComparisonResult) -> Iterator[str]:
    """What a reader should know of how it was measured, one sentence each."""
    if result.unit == "pair":
        pairs = "1 pair" if result.units == 1 else f"{result.units} pairs"
        yield (
            f"{pairs} of fresh processes, {units.count(result.rounds)} interleaved "
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


def doubts(result: ComparisonResult) -> Iterator[str]:
    """Reasons to read a comparison with care, a sentence each, where no trust checks were saved."""
    for field in result.unlike:
        yield f"The runs are unlike: {field}."
    if result.unit == "run" and result.units < _FEWEST:
        yield (
            f"There are fewer than {_FEWEST} runs a side: a difference under 15 % is not "
            "told from that between two runs of the same code."
        )
    if result.unit == "pair" and result.units < _FEWEST:
        yield f"There are fewer than {_FEWEST} pairs of processes, from which nothing is decided."
    for side in (result.candidate, result.baseline):
        for note in side.notes:
            yield f"{side.label}: {note}."
    for name, aa in (("candidate", result.aa_candidate), ("baseline", result.aa_baseline)):
        if aa is not None and not aa.low <= 1 <= aa.high:
            yield f"A mode against itself differs within the {name}'s processes."


def trust_line(result: ComparisonResult) -> tuple[str, str]:
    """Say whether a comparison without trust checks can be trusted: level, and a line."""
    found = len(list(doubts(result)))
    if found:
        return "amber", f"Read with care: {found} {'reason' if found == 1 else 'reasons'} below."
    how = "like runs, enough of them" if result.unit == "run" else "enough pairs of processes"
    return "green", f"Nothing speaks against it: {how}, made in turn."
