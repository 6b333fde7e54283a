"""Spans of a trace as bars: pure functions, nothing is drawn or written here."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import polars as pl

from parrot_bench.record import RunRecord
from parrot_reports.spans.dialects import CALLS
from parrot_reports.spans.table import SpanTable


@dataclass(frozen=True, kw_only=True)
class Bar:
    """One span of a timeline; times are nanoseconds after the timeline's start.

    Attributes:
        name: Name of the span.
        start: When it started.
        end: When it ended.
        first_chunk: When the first chunk came; None when the call does not stream.
        depth: 0 for the outermost spans drawn, 1 for a span inside one, and so on.
        failed: Its status is *error*.
        calls_model: It is a call of a model.
    """

    name: str
    start: int
    end: int
    first_chunk: float | None
    depth: int
    failed: bool
    calls_model: bool = False


@dataclass(frozen=True, kw_only=True)
class Timeline:
    """One call of a mode, or one batch, as spans.

    Attributes:
        mode: Name of the mode.
        bars: The spans, in order of their start.
        length: Nanoseconds from the first start to the last end.
        calls: Calls drawn.
        shown_of: Calls in the mode's whole trace.
    """

    mode: str
    bars: tuple[Bar, ...]
    length: int
    calls: int
    shown_of: int

    @property
    def peak(self) -> int:
        """Most calls in flight at one moment."""
        calls = [bar for bar in self.bars if not bar.depth]
        # An end comes before a start at the same moment: the one call gave way to the other.
        turns = sorted([(bar.start, 1) for bar in calls] + [(bar.end, -1) for bar in calls])
        return max(accumulate(step for _, step in turns), default=0)


def timelines(table: SpanTable, record: RunRecord) -> tuple[Timeline, ...]:
    """Take from each traced mode one call; from a mode that batches, one batch."""
    if record.reconciliation is None:
        return ()
    batches = {mode.name for mode in record.modes if mode.batches}
    size = record.configuration.batch_size
    found = []
    for mode in record.reconciliation.modes:
        trace = table.frame.filter(pl.col("trace_id") == mode.trace_id.lower())
        line = _timeline(mode.mode, trace, size if mode.mode in batches else 1)
        if line is not None:
            found.append(line)
    return tuple(found)


def _timeline(mode: str, trace: pl.DataFrame, most: int) -> Timeline | None:
    rows = trace.sort("start_ns", "end_ns", "span_id").to_dicts()
    around = {row["span_id"] for row in rows if row["mode"] is not None}
    calls = [row for row in rows if row["parent_id"] in around and row["mode"] is None]
    if not calls:
        return None
    # The last call, not the first: the first pays for imports and the thread pool's start.
    shown = calls[-most:]
    bars, length = bars_of(shown, rows)
    return Timeline(mode=mode, bars=bars, length=length, calls=len(shown), shown_of=len(calls))


def bars_of(
    shown: Sequence[dict[str, Any]], rows: Sequence[dict[str, Any]]
) -> tuple[tuple[Bar, ...], int]:
    """Draw spans and all that is inside them.

    Args:
        shown: The outermost spans, in order of their start.
        rows: All spans of their trace, in that order too.

    Returns:
        The bars, and nanoseconds from the first start to the last end.
    """
    children: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        children.setdefault(row["parent_id"], []).append(row)
    zero = min(row["start_ns"] for row in shown)
    bars: list[Bar] = []
    waiting = [(row, 0) for row in reversed(shown)]
    seen: set[str] = set()
    while waiting:
        row, depth = waiting.pop()
        if row["span_id"] in seen:  # a file can hold a span twice, or a ring of parents
            continue
        seen.add(row["span_id"])
        bars.append(_bar(row, zero, depth))
        waiting += [(child, depth + 1) for child in reversed(children.get(row["span_id"], []))]
    return tuple(bars), max([1, *(bar.end for bar in bars)])


def _bar(row: dict[str, Any], zero: int, depth: int) -> Bar:
    start, end = row["start_ns"] - zero, max(row["start_ns"], row["end_ns"]) - zero
    first = None if row["first_chunk_s"] is None else start + row["first_chunk_s"] * 1e9
    if first is not None and not start <= first <= end:
        first = None
    return Bar(
        name=row["name"],
        start=start,
        end=end,
        first_chunk=first,
        depth=depth,
        failed=row["failed"],
        calls_model=row["operation"] in CALLS,
    )
