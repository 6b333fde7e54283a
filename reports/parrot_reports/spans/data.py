"""What spans say, as data: every number of the page, unrounded. Pure."""

import dataclasses
from decimal import Decimal
from typing import Any

import msgspec

from parrot_bench.record import Percentile
from parrot_reports.parts import plain
from parrot_reports.spans.operations import Operation
from parrot_reports.spans.percentiles import CONFIDENCE, RANKS
from parrot_reports.spans.report import SpanReport, headline, notes, reading
from parrot_reports.spans.traces import Trace

SCHEMA_VERSION = 1


def spans_json(report: SpanReport) -> str:
    """Write what spans say as JSON: times in nanoseconds, money as decimal text."""
    return msgspec.json.format(msgspec.json.encode(_data(report)), indent=1).decode() + "\n"


def _data(report: SpanReport) -> dict[str, Any]:
    level, read = reading(report)
    table, time = report.table, report.over_time
    return {
        "schema_version": SCHEMA_VERSION,
        "name": report.name,
        "headline": plain(headline(report)),
        "level": level,
        "reading": read,
        "notes": notes(report),
        "conditions": report.conditions,
        "began": report.began and report.began.isoformat(),
        "ended": report.ended and report.ended.isoformat(),
        "services": report.services,
        "read": {
            "spans": len(table),
            "genai_spans": report.genai,
            "repeated": report.repeated,
            "lines": table.lines,
            "lines_lost": table.lost,
            "malformed": [str(line) for line in table.malformed],
            "not_read": [{"name": name, "why": why} for name, why in table.not_read],
        },
        "totals": report.totals,
        "confidence": CONFIDENCE,
        "operations": [_operation(each) for each in report.operations],
        "operations_more": report.operations_more,
        "failures": report.failures,
        "failures_more": report.failures_more,
        "outcomes": dict(report.outcomes),
        "finish_reasons": dict(report.finishes),
        "models": [
            {**dataclasses.asdict(use), "identity": dict(use.identity)} for use in report.use
        ],
        "costs": [
            {
                "model": c.model,
                "amount": _money(c.amount),
                "currency": c.currency,
                "calls": c.calls,
                "without_usage": c.unknown,
            }
            for c in report.costs
        ],
        "models_without_price": report.unpriced,
        "over_time": None
        if time is None
        else {
            "began_ns": time.began,
            "interval_ns": time.width,
            "started": time.started.astype(int).tolist(),
            "failed": time.failed.astype(int).tolist(),
            "in_flight_mean": time.in_flight.tolist(),
            "in_flight_most": time.peak.astype(int).tolist(),
            "median_ns": time.median.tolist(),
            "output_tokens": time.output_tokens.astype(int).tolist(),
        },
        "slowest_traces": [_trace(trace) for trace in report.traces.slowest],
    }


def _operation(each: Operation) -> dict[str, Any]:
    return {
        "operation": each.operation,
        "target": each.target,
        "spans": each.calls,
        "failed": each.failed,
        "duration_ns": _percentiles(each.durations, each.longest),
        "streamed": each.streamed,
        "first_chunk_ns": _percentiles(each.first_chunks, each.longest_first_chunk),
    }


def _percentiles(found: tuple[Percentile, ...], longest: float | None) -> dict[str, Any]:
    named = {
        name: {"value": each.value, "low": each.low, "high": each.high, "reason": each.reason}
        for (_, name), each in zip(RANKS, found, strict=True)
    }
    return {**named, "longest": longest}


def _trace(trace: Trace) -> dict[str, Any]:
    return {"trace_id": trace.trace_id, "name": trace.name, "duration_ns": trace.length}


def _money(amount: Decimal) -> str:
    return f"{amount:f}"
