"""What spans alone say about calls: sums and tallies."""

import json
from typing import Any

import polars as pl

from parrot_reports.spans import table as spans
from parrot_reports.spans.operations import calls_of, named, tally, use_by_model
from tests.parrot_reports.rows import frame, row


def calls(*rows: dict[str, Any]) -> pl.DataFrame:
    return calls_of(named(frame(*rows)))


def test_tokens_by_model_and_identifying_params() -> None:
    identity = json.dumps({"model_name": "m", "stop": ["a"]})
    found, without = use_by_model(
        calls(
            row(model="m", identity=identity, input_tokens=3, output_tokens=1, cached_tokens=2),
            row(model="m", identity=identity, input_tokens=4, failed=True),
            row(model="m", input_tokens=100),
            row(model=None),
            row(operation="execute_tool", input_tokens=1_000),
        )
    )
    assert [(use.model, use.calls, use.input_tokens) for use in found] == [
        ("m", 2, 7),
        ("", 1, None),
        ("m", 1, 100),
    ]
    first = found[0]
    assert first.identity == (("model_name", "m"), ("stop", '["a"]'))
    assert (first.failed, first.output_tokens, first.cached_tokens) == (1, 1, 2)
    assert first.reasoning_tokens is None
    assert without == {"": 1}


def test_errors_and_outcomes_most_frequent_first() -> None:
    spans_ = calls(
        row(failed=True, error="TimeoutError", outcome="failed"),
        row(failed=True, error="TimeoutError", outcome="failed"),
        row(failed=True),
        row(outcome="completed", error="ignored: it did not fail"),
    )
    assert tally(spans_.filter("failed"), "error", missing="unknown") == (
        ("TimeoutError", 2),
        ("unknown", 1),
    )
    assert tally(spans_, "outcome") == (("failed", 2), ("completed", 1), ("not recorded", 1))


def test_no_spans_no_statistics() -> None:
    nothing = calls_of(named(spans.empty().frame))
    assert use_by_model(nothing) == ((), {})
    assert tally(nothing, "outcome") == ()
