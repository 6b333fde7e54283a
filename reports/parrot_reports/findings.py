"""What each figure shows, in a sentence: its alternative text, and the line above it."""

import statistics
from collections.abc import Sequence

from parrot_bench.record import RunRecord
from parrot_reports import units
from parrot_reports.blocks import Cold, Curve, Drift
from parrot_reports.parts import Name, Sentence
from parrot_reports.sentences import deciding_joint, floors


def ratios(record: RunRecord) -> Sentence:
    """The ends of the forest plot, and how many intervals hold 1."""
    overhead = record.overhead
    if overhead is None:
        return ()
    skipped = floors(record)
    found = [
        (ratio, mode)
        for mode in overhead.modes
        if mode.mode not in skipped and (ratio := deciding_joint(mode)) is not None
    ]
    if not found:
        return ("Only floors are compared.",)
    most, mode = max(found, key=lambda pair: pair[0].value)
    value, interval = units.ratio(most)
    across = [m for r, m in found if r.low <= 1 <= r.high]
    sentence: Sentence = (
        "The highest ratio is that of ",
        Name(mode.mode),
        f", {value}{units.TIMES} {interval}; ",
    )
    if not across:
        return (*sentence, "no interval reaches 1.")
    if len(across) == 1:
        return (*sentence, "only that of ", Name(across[0].mode), " includes 1.")
    return (*sentence, f"{len(across)} of {len(found)} intervals include 1.")


def latency(curves: Sequence[Curve], record: RunRecord | None = None) -> Sentence:
    """Whose tail is longest, measured in its own median; floors are not choices."""
    skipped = floors(record) if record else frozenset()
    chosen = [curve for curve in curves if curve.mode not in skipped] or list(curves)
    if not chosen:
        return ()
    worst = max(chosen, key=lambda curve: curve.at(0.99) / curve.at(0.5))
    slow, usual = worst.at(0.99), worst.at(0.5)
    times = units.significant(slow / usual, 2)
    against = f"({units.duration(slow)} against {units.duration(usual)})"
    tail = f": its p99 is {times}{units.TIMES} its median {against}."
    return ("The longest tail is that of ", Name(worst.mode), tail)


def cold(calls: Sequence[Cold]) -> Sentence:
    """The range of the penalty."""
    if not calls:
        return ()
    low = min(calls, key=lambda call: call.ratio.value)
    high = max(calls, key=lambda call: call.ratio.value)
    return (
        "The first call after another mode's block takes ",
        f"{units.ratio(low.ratio)[0]}{units.TIMES} (",
        Name(low.mode),
        f") to {units.ratio(high.ratio)[0]}{units.TIMES} (",
        Name(high.mode),
        ") as long as the calls after it.",
    )


def stability(drifts: Sequence[Drift], record: RunRecord) -> Sentence:
    """How far the typical mode's time moved, and how far its ratio did."""
    moved = [float(abs(drift.time - 1).max()) for drift in drifts]
    stayed = [float(abs(drift.ratio - 1).max()) for drift in drifts if drift.ratio.size]
    if not moved or record.overhead is None:
        return ()
    said = f"Over the rounds a typical mode's time moved by up to {_percent(moved)}"
    if not stayed:
        return (f"{said}.",)
    baseline = Name(record.overhead.baseline)
    return (f"{said}, its ratio to ", baseline, f" by up to {_percent(stayed)}.")


def _percent(shares: Sequence[float]) -> str:
    return units.percent(statistics.median(shares))
