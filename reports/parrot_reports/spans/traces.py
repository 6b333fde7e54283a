"""Traces to draw: the slowest, and an ordinary one of each kind. Pure functions."""

from dataclasses import dataclass
from typing import Any

import polars as pl

from parrot_reports.timelines import Bar, bars_of

_MOST_KINDS = 8
_MOST_SLOW = 5
_MOST_BARS = 25


@dataclass(frozen=True, kw_only=True)
class Trace:
    """One trace, drawn.

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


@dataclass(frozen=True, kw_only=True)
class Traces:
    """Traces with GenAI spans.

    Attributes:
        number: How many roots there are.
        slowest: Those whose root took longest, longest first.
        kinds: Of the roots of each name, most first, the one of median duration: an ordinary
            one, neither the first nor the slowest.
        kinds_more: Names of roots beyond those.
    """

    number: int
    slowest: tuple[Trace, ...]
    kinds: tuple[Trace, ...]
    kinds_more: int


def traces(frame: pl.DataFrame, genai: pl.DataFrame) -> Traces:
    """Choose traces, and draw them.

    Args:
        frame: All spans.
        genai: The GenAI spans that the report is about; traces without one are left out.
    """
    spans = frame.lazy()
    if genai.height < frame.height:
        spans = spans.join(genai.lazy().select("trace_id").unique(), on="trace_id", how="semi")
    # A root is what has no parent here: that of a request may be in another service's file.
    parents = frame.lazy().select("trace_id", pl.col("span_id").alias("parent_id"))
    roots = (
        spans.select("trace_id", "span_id", "parent_id", "name", "start_ns", "end_ns")
        .join(parents, on=["trace_id", "parent_id"], how="anti")
        .select(
            "trace_id",
            "span_id",
            "name",
            (pl.col("end_ns") - pl.col("start_ns")).alias("duration"),
        )
        .sort("duration", "trace_id", "span_id")
        .collect()
    )
    names = roots.group_by("name").len().sort(["len", "name"], descending=[True, False])
    alike = dict(names.iter_rows())
    ordinary = [
        roots.filter(name=name).row(number // 2, named=True)
        for name, number in names.head(_MOST_KINDS).iter_rows()
    ]
    slow = roots.tail(_MOST_SLOW).reverse().to_dicts()
    wanted = {root["trace_id"] for root in [*ordinary, *slow]}
    drawn = frame.filter(pl.col("trace_id").is_in(list(wanted)))
    rows = {
        str(trace_id): part.sort("start_ns", "end_ns", "span_id").to_dicts()
        for (trace_id,), part in drawn.partition_by("trace_id", as_dict=True).items()
    }
    return Traces(
        number=roots.height,
        slowest=tuple(_trace(root, alike, rows) for root in slow),
        kinds=tuple(_trace(root, alike, rows) for root in ordinary),
        kinds_more=max(0, names.height - _MOST_KINDS),
    )


def _trace(
    root: dict[str, Any], alike: dict[str, int], rows: dict[str, list[dict[str, Any]]]
) -> Trace:
    of_trace = rows[root["trace_id"]]
    start = next(row for row in of_trace if row["span_id"] == root["span_id"])
    bars, length = bars_of([start], of_trace)
    return Trace(
        name=root["name"],
        alike=alike[root["name"]],
        bars=bars[:_MOST_BARS],
        left_out=max(0, len(bars) - _MOST_BARS),
        length=length,
        trace_id=root["trace_id"],
    )
