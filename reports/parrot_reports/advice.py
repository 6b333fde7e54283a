"""Which mode to use for what: the cheapest of those that serve a purpose. Pure.

Names two where their intervals overlap, and no ratio that is not resolved.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from parrot_bench.record import ModeOverhead, ModeRecord, RunRecord
from parrot_reports import units
from parrot_reports.parts import Key, Name, Sentence
from parrot_reports.sentences import deciding_joint, deciding_ratio, trust_line

_FEWEST = 3
"""Of fewer modes the verdicts say it all."""

_DEARER = 1.1
"""From here on the dearest mode is worth a warning."""

_KINDS = (("sync", ""), ("async", "in async code "))


def _has_events(mode: ModeRecord) -> bool:
    return "events" in mode.name


def _has_messages(mode: ModeRecord) -> bool:
    return mode.name.endswith("stream_messages")


Purposes = tuple[tuple[str, Callable[[ModeRecord], bool]], ...]

PURPOSES: Purposes = (
    ("one call", lambda mode: not mode.batches and not mode.streams),
    ("many calls", lambda mode: mode.batches),
    ("a stream", lambda mode: mode.streams and not _has_events(mode)),
    ("events", lambda mode: mode.streams and _has_events(mode)),
)
"""What a mode is used for."""

_OF_GRAPHS: Purposes = (
    *PURPOSES[:2],
    (
        "its steps",
        lambda mode: mode.streams and not _has_events(mode) and not _has_messages(mode),
    ),
    ("a stream", _has_messages),
    *PURPOSES[3:],
)
"""The same of a graph, whose default stream is of updates, and not of what a model says."""


@dataclass(frozen=True, kw_only=True)
class Advice:
    """What to call.

    Attributes:
        clock: The time that is least: ``CPU time`` or ``time``.
        baseline: What ratios are multiples of.
        rows: Purpose, and the modes for it.
    """

    clock: str
    baseline: str
    rows: tuple[tuple[str, Sentence], ...]


@dataclass(frozen=True)
class _Cost:
    mode: str
    value: float
    low: float
    high: float
    resolved: bool


def advice(record: RunRecord) -> Advice | None:
    """Say which mode costs least for what; None of a run that cannot say, or must not be used."""
    overhead = record.overhead
    if overhead is None or trust_line(record)[0] == "red":
        return None
    found = {mode.mode: cost for mode in overhead.modes if (cost := _cost(mode)) is not None}
    served = [m for m in record.modes if m.name in found and m.status in {"stable", "beta"}]
    if len(served) < _FEWEST:
        return None
    rows = []
    graph = record.model is not None and record.model.kind == "graph"
    for purpose, serves in _OF_GRAPHS if graph else PURPOSES:
        parts = [
            (words, [found[mode.name] for mode in served if serves(mode) and mode.kind == kind])
            for kind, words in _KINDS
        ]
        said: list[str] = []
        for words, costs in parts:
            if costs:
                said += ["; " if said else "", words, *_cheapest(costs)]
        if said:
            rows.append((purpose, (*said, ".")))
    clocks = {mode.decided_by for mode in overhead.modes}
    return Advice(
        clock="CPU time" if clocks == {"cpu"} else "time",
        baseline=overhead.baseline,
        rows=tuple(rows),
    )


def _cost(mode: ModeOverhead) -> _Cost | None:
    if mode.verdict == "baseline":
        return _Cost(mode.mode, 1.0, 1.0, 1.0, resolved=True)
    ratio = deciding_joint(mode) or deciding_ratio(mode)
    if ratio is None or mode.verdict == "not measured":
        return None
    resolved = mode.verdict != "not resolved"
    return _Cost(mode.mode, ratio.value, ratio.low, ratio.high, resolved=resolved)


def _cheapest(costs: Sequence[_Cost]) -> Iterator[str]:
    """The cheapest, those that cannot be told from it, and what the dearest would cost."""
    ranked = sorted(costs, key=lambda cost: cost.value)
    first, last = ranked[0], ranked[-1]
    equal = [cost for cost in ranked if cost.low <= first.high]
    for number, cost in enumerate(equal):
        if number:
            yield " or " if number == len(equal) - 1 else ", "
        yield Name(cost.mode)
    if any(not cost.resolved for cost in equal):
        return
    values = list(dict.fromkeys(_factor(cost) for cost in equal))
    if len(equal) > 1 or first.low != first.high:
        yield ", "
        yield Key(" to ".join(dict.fromkeys((values[0], values[-1]))))
    if last not in equal and last.resolved and last.value >= _DEARER * first.value:
        yield ", not "
        yield Name(last.mode)
        yield f" at {_factor(last)}"


def _factor(cost: _Cost) -> str:
    return f"{units.significant(cost.value)}{units.TIMES}"
