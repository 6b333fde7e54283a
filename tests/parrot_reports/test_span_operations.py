"""What spans alone say about calls: sums and tallies."""

import json
from random import Random
from typing import Any

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from parrot_reports.spans import table as spans
from parrot_reports.spans.operations import (
    calls_of,
    failures,
    named,
    operations,
    tally,
    totals,
    use_by_model,
)
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


NUMBERS = st.none() | st.integers(0, 10**9)
CALLS = st.lists(
    st.fixed_dictionaries(
        {
            "operation": st.sampled_from(["chat", "execute_tool", "embeddings"]),
            "model": st.sampled_from([None, "m", "n"]),
            "provider": st.sampled_from([None, "openai"]),
            "failed": st.booleans(),
            "error": st.sampled_from([None, "E"]),
            "input_tokens": NUMBERS,
            "output_tokens": NUMBERS,
            "start_ns": st.integers(0, 1000),
            "end_ns": st.integers(0, 2000),
        }
    ),
    min_size=1, max_size=20,
)  # fmt: skip


@settings(max_examples=40)
@given(CALLS, st.randoms())
def test_every_table_adds_up_to_all_spans_in_any_order(
    made: list[dict[str, Any]], order: Random
) -> None:
    rows = [row(**each) for each in made]
    genai = named(frame(*rows))
    order.shuffle(rows)
    mixed = named(frame(*rows))
    found, more = operations(genai)
    assert more == 0
    assert (found, more) == operations(mixed)
    assert sum(each.calls for each in found) == len(made)
    failed = sum(each["failed"] for each in made)
    assert sum(each.failed for each in found) == failed
    counted, _ = failures(genai)
    assert sum(each.number for each in counted) == failed
    only = calls_of(genai)
    whole = totals(only)
    use, without = use_by_model(only)
    assert (use, without) == use_by_model(calls_of(mixed))
    assert sum(each.calls for each in use) == whole.calls == only.height
    assert sum(without.values()) == whole.without_usage
    for name in ("input_tokens", "output_tokens"):
        parts = [n for each in use if (n := getattr(each, name)) is not None]
        known = [n for each in only.to_dicts() if (n := each[name]) is not None]
        assert sum(parts) == sum(known) == (getattr(whole, name) or 0)
        assert (getattr(whole, name) is None) == (not known)
    for column in ("error", "provider", "outcome"):
        assert sum(number for _, number in tally(only, column)) == only.height
