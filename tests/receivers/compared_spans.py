"""Spans as they can be compared, from ``spans.jsonl`` and from a receiver."""

import base64
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from google.protobuf.json_format import MessageToDict
from otlp_receiver import Received

Spans = dict[str, dict[str, Any]]


def in_file(run: Path) -> Spans:
    """The spans of ``spans.jsonl``, by id."""
    requests = map(json.loads, (run / "spans.jsonl").read_text(encoding="utf-8").splitlines())
    return {
        span["spanId"]: comparable(span)
        for request in requests
        for resource in request["resourceSpans"]
        for scope in resource["scopeSpans"]
        for span in scope["spans"]
    }


def in_receiver(received: Received) -> Spans:
    """The spans that came out of a collector, by id."""
    found = {}
    for message in received.spans():
        span = MessageToDict(message, use_integers_for_enums=True)
        for key in ("traceId", "spanId", "parentSpanId"):
            if key in span:
                span[key] = base64.b64decode(span[key]).hex()
        found[span["spanId"]] = comparable(span)
    return found


def comparable(span: Mapping[str, Any]) -> dict[str, Any]:
    """Everything a span says, the order of its attributes aside."""
    fields = ("traceId", "spanId", "name", "kind", "startTimeUnixNano", "endTimeUnixNano")
    return {
        **{field: span[field] for field in fields},
        "parentSpanId": span.get("parentSpanId", ""),
        "status": span.get("status", {}).get("code", 0),
        "events": [event["name"] for event in span.get("events", ())],
        "attributes": {item["key"]: item["value"] for item in span.get("attributes", ())},
    }
