"""Spans as rows of the table, without a file."""

from typing import Any

import polars as pl

from parrot_reports.spans import table as spans


def row(**more: Any) -> dict[str, Any]:
    """A call of a model; what is not named is null."""
    return {
        "trace_id": "a",
        "span_id": "1",
        "parent_id": "",
        "name": "chat",
        "kind": 3,
        "start_ns": 0,
        "end_ns": 10,
        "failed": False,
        "operation": "chat",
        "identity": "{}",
        **more,
    }


def frame(*rows: dict[str, Any]) -> pl.DataFrame:
    """The table that has these rows."""
    return pl.DataFrame(list(rows), schema=spans.empty().frame.schema, orient="row")
