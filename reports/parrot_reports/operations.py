"""What spans alone say about operations: how many, how long, how they failed. Pure functions.

Durations are those of the spans: what the application waited for. Nothing is known about what
else it did meanwhile, so nothing is compared and nothing has a verdict.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from parrot_reports.blocks import Curve
from parrot_reports.spans import CALLS, SpanTable
from parrot_reports.summary import Bar, bars_of

RANKS = ((0.5, "p50"), (0.9, "p90"), (0.99, "p99"))
_MOST_TRACES = 10
_MOST_BARS = 25
_MOST_CURVES = 16
_FEWEST = 100
"""With fewer durations the p99 of a distribution is its longest."""


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One GenAI operation on one model (or agent, tool, data source), over all its spans.

    Attributes:
        operation: Such as ``chat`` or ``execute_tool``.
        target: The model; the rest of the span's name where there is none.
        calls: Its spans.
        failed: Those with status *error*.
        durations: Percentiles of `RANKS` and the longest, nanoseconds; None where there are
            too few spans for one to differ from the longest.
        first_chunks: The same of the time to the first chunk.
        streamed: Spans that have a time to the first chunk.
    """

    operation: str
    target: str
    calls: int
    failed: int
    durations: tuple[float | None, ...]
    first_chunks: tuple[float | None, ...]
    streamed: int

    @property
    def name(self) -> str:
        """Operation and target, as the span is named."""
        return f"{self.operation} {self.target}".strip()


@dataclass(frozen=True, kw_only=True)
class Failure:
    """Spans that failed alike.

    Attributes:
        error: Their ``error.type``.
        operation: Their operation and target.
        number: How many.
    """

    error: str
    operation: str
    number: int


@dataclass(frozen=True, kw_only=True)
class Trace:
    """One trace, drawn for all that have the same root.

    Attributes:
        name: Name of the root span.
        alike: Traces whose root has that name.
        bars: Its spans, a root of depth 0 first.
        left_out: Spans beyond those drawn.
        length: Nanoseconds from its start to its end.
        trace_id: Hexadecimal.
    """

    name: str
    alike: int
    bars: tuple[Bar, ...]
    left_out: int
    length: int
    trace_id: str


def operations(table: SpanTable) -> tuple[Operation, ...]:
    """Durations of every GenAI operation by target: calls of a model first, then by spans."""
    found = []
    for (operation, target), rows in _named(table).group_by("operation", "target"):
        first = rows["first_chunk_s"].drop_nulls().drop_nans() * 1e9
        found.append(
            Operation(
                operation=str(operation),
                target=str(target),
                calls=rows.height,
                failed=int(rows["failed"].sum()),
                durations=_percentiles(rows["duration"]),
                first_chunks=_percentiles(first),
                streamed=first.len(),
            )
        )
    return tuple(
        sorted(found, key=lambda e: (e.operation not in CALLS, -e.calls, e.operation, e.target))
    )


def failures(table: SpanTable) -> tuple[Failure, ...]:
    """GenAI spans that failed, by error type and operation, most frequent first."""
    counted = (
        _named(table)
        .filter("failed")
        .with_columns(pl.col("error").fill_null("unknown"))
        .group_by("error", "operation", "target")
        .len()
        .sort(["len", "error", "operation", "target"], descending=[True, False, False, False])
    )
    return tuple(
        Failure(error=error, operation=f"{operation} {target}".strip(), number=number)
        for error, operation, target, number in counted.iter_rows()
    )


def curves(table: SpanTable) -> tuple[Curve, ...]:
    """Distributions of durations, for operations with enough spans."""
    share = np.linspace(0, 1, 101)
    drawn = []
    for each in operations(table)[:_MOST_CURVES]:
        rows = _named(table).filter(operation=each.operation, target=each.target)
        times = np.sort(rows["duration"].to_numpy()).astype(np.float64)
        times = times[times > 0]
        if times.size >= _FEWEST:
            rank = np.clip(np.ceil(share * times.size).astype(int) - 1, 0, times.size - 1)
            drawn.append(Curve(mode=each.name, latency=times[rank], share=share, count=times.size))
    return tuple(drawn)


def traces(table: SpanTable) -> tuple[Trace, ...]:
    """One trace for every name of a root, most traces first.

    Drawn is the trace of median duration: an ordinary one, neither the first nor the slowest.
    Traces without a GenAI span are left out.
    """
    frame = table.frame
    of_genai = frame.filter(pl.col("operation").is_not_null()).select("trace_id").unique()
    parents = frame.select("trace_id", pl.col("span_id").alias("parent_id"))
    # A root is what has no parent here: that of a request may be in another service's file.
    roots = (
        frame.join(parents, on=["trace_id", "parent_id"], how="anti")
        .join(of_genai, on="trace_id", how="semi")
        .with_columns((pl.col("end_ns") - pl.col("start_ns")).alias("duration"))
    )
    names = roots.group_by("name").len().sort(["len", "name"], descending=[True, False])
    found = []
    for name, alike in names.head(_MOST_TRACES).iter_rows():
        ordered = roots.filter(name=name).sort("duration", "trace_id", "span_id")
        found.append(_trace(name, alike, ordered.row(alike // 2, named=True), frame))
    return tuple(found)


def _trace(name: str, alike: int, root: dict[str, Any], frame: pl.DataFrame) -> Trace:
    rows = frame.filter(trace_id=root["trace_id"]).sort("start_ns", "end_ns", "span_id").to_dicts()
    bars, length = bars_of([root], rows)
    return Trace(
        name=name,
        alike=alike,
        bars=bars[:_MOST_BARS],
        left_out=max(0, len(bars) - _MOST_BARS),
        length=length,
        trace_id=root["trace_id"],
    )


def _named(table: SpanTable) -> pl.DataFrame:
    """GenAI spans with their targets and durations."""
    operation = pl.col("operation")
    # "execute_tool search" without a model: its target is what follows the operation.
    rest = pl.col("name").str.strip_prefix(operation).str.strip_chars()
    return table.frame.filter(operation.is_not_null()).with_columns(
        pl.coalesce("model", rest).alias("target"),
        (pl.col("end_ns") - pl.col("start_ns")).clip(lower_bound=0).alias("duration"),
    )


def _percentiles(values: pl.Series) -> tuple[float | None, ...]:
    """Nearest-rank percentiles, and the longest."""
    number = values.len()
    if not number:
        return (None,) * (len(RANKS) + 1)
    ordered = np.sort(values.to_numpy()).astype(np.float64)
    # Rounded first: 0.99 * 100 must not become 100 by the error of its last bit.
    places = [math.ceil(round(rank * number, 6)) for rank, _ in RANKS]
    return (
        # In the last place the percentile would be the longest under another name.
        *(float(ordered[place - 1]) if place < number else None for place in places),
        float(ordered[-1]),
    )
