"""Spans that other people's instrumentations really wrote; record_spans.py says how."""

import json
from pathlib import Path
from random import Random

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parrot_reports import read_spans, write_span_report
from parrot_reports.spans.dialects import CALLS, NAMES
from parrot_reports.spans.lines import SCHEMA, read_block
from parrot_reports.spans.report import SpanReport, span_report

DATA = Path(__file__).with_name("data")
RECORDED = ("official", "openllmetry", "openllmetry-0.40", "openinference")


def understood(name: str) -> SpanReport:
    path = DATA / f"{name}.jsonl"
    return span_report(read_spans(path), path.name)


def calls(name: str) -> pl.DataFrame:
    return read_spans(DATA / f"{name}.jsonl").chats.sort("start_ns")


@pytest.mark.parametrize("name", RECORDED)
def test_every_call_is_counted_with_its_tokens(name: str) -> None:
    """An invoke, a stream, a failure, and two calls of an agent with a tool."""
    totals = understood(name).totals
    assert (totals.calls, totals.failed) == (5, 1)
    assert (totals.input_tokens, totals.output_tokens) == (4 * 41, 4 * 12)
    assert totals.cached_tokens == 4 * 32
    assert totals.without_usage == 0
    # Neither version of OpenLLMetry records tokens of reasoning.
    assert totals.reasoning_tokens == (None if name.startswith("openllmetry") else 4 * 5)


@pytest.mark.parametrize("name", RECORDED)
def test_the_model_is_named(name: str) -> None:
    models = set(calls(name)["model"])
    answered = "gpt-4.1-2025-04-14"
    # OpenInference replaces the name that was asked for by the one that answered.
    assert models == ({"gpt-4.1", answered} if name == "openinference" else {"gpt-4.1"})


@pytest.mark.parametrize("name", RECORDED)
def test_the_failure_has_its_type(name: str) -> None:
    (failure,) = understood(name).failures
    assert failure.error.rpartition(".")[2] == "OpenAIRateLimitError"
    assert failure.number == 1


@pytest.mark.parametrize(
    ("name", "finish"),
    [
        ("official", {"stop": 3, "tool_calls": 1, "not recorded": 1}),
        ("openllmetry", {"stop": 3, "tool_call": 1, "not recorded": 1}),
        ("openllmetry-0.40", {"not recorded": 5}),
        ("openinference", {"stop": 3, "tool_calls": 1, "not recorded": 1}),
    ],
)
def test_why_the_model_stopped(name: str, finish: dict[str, int]) -> None:
    assert dict(understood(name).finishes) == finish


@pytest.mark.parametrize("name", RECORDED)
def test_tools_and_agents_have_their_names(name: str) -> None:
    named = {(each.operation, each.target) for each in understood(name).operations}
    assert ("execute_tool", "add") in named
    agent = {
        "official": ("invoke_agent", "cook"),
        "openllmetry": ("invoke_agent", "cook"),
        "openllmetry-0.40": ("invoke_workflow", "cook"),
        "openinference": ("chain", "cook"),
    }
    assert agent[name] in named


def test_the_first_chunk_of_the_official_ones() -> None:
    streamed = calls("official")["first_chunk_s"].drop_nulls()
    assert streamed.len() == 1
    assert 0 < streamed[0] < 10


@pytest.mark.parametrize("name", RECORDED)
def test_the_files_name_nobody(name: str) -> None:
    text = (DATA / f"{name}.jsonl").read_text(encoding="utf-8")
    for line in text.splitlines():
        for resource in json.loads(line)["resourceSpans"]:
            keys = {item["key"] for item in resource["resource"]["attributes"]}
            assert keys == {"service.name"}
    assert "site-packages" not in text
    assert "stacktrace" not in text


def test_all_of_them_in_one_page(tmp_path: Path) -> None:
    files = write_span_report(DATA, tmp_path)
    assert "20 calls of 2 models" in files.headline
    assert "20 calls of a model" not in files.page.read_text(encoding="utf-8")


def test_an_event_stands_for_the_first_chunk(tmp_path: Path) -> None:
    span = {
        "traceId": "1" * 32, "spanId": "1" * 16, "name": "x",
        "startTimeUnixNano": "1000000000", "endTimeUnixNano": "3000000000",
        "attributes": [{"key": "openinference.span.kind", "value": {"stringValue": "LLM"}}],
        "events": [
            {"name": "First Token Stream Event", "timeUnixNano": "1500000000"},
            {"name": "First Token Stream Event", "timeUnixNano": "2500000000"},
        ],
    }  # fmt: skip
    path = tmp_path / "spans.jsonl"
    path.write_text(json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}))
    assert read_spans(path).frame["first_chunk_s"].to_list() == [0.5]


def test_every_name_belongs_to_one_column() -> None:
    names = [name for column in NAMES.values() for name in column]
    assert len(names) == len(set(names))
    assert NAMES.keys() <= SCHEMA.keys()
    assert "chat" in CALLS


def spans_with(attributes: list[tuple[str, object]]) -> pl.DataFrame:
    """One span with these attributes, as JSON values of their kinds."""
    kinds = {str: "stringValue", int: "intValue", float: "doubleValue"}
    listed = [{"key": name, "value": {kinds[type(v)]: v}} for name, v in attributes]
    span = {"traceId": "a", "spanId": "b", "startTimeUnixNano": "1", "endTimeUnixNano": "2",
            "attributes": listed}  # fmt: skip
    return read_block(
        json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}).encode()
    ).frame


NAMED = st.lists(
    st.sampled_from([(column, name) for column, names in NAMES.items() for name in names]),
    max_size=8, unique=True,
)  # fmt: skip


@given(NAMED, st.randoms(), st.integers(1, 10**6), st.sampled_from([int, str, float]))
def test_the_conventions_name_goes_first_in_any_order(
    named: list[tuple[str, str]], order: Random, number: int, kind: type
) -> None:
    numbers = {"input_tokens", "output_tokens", "cached_tokens", "reasoning_tokens"}
    given_ = [
        (name, kind(number + place) if column in numbers else f"{name} {place}")
        for place, (column, name) in enumerate(named)
        if column != "first_chunk_s"
    ]
    frame = spans_with(given_)
    values = dict(given_)
    for column, names in NAMES.items():
        if column == "first_chunk_s":
            continue
        current = names[0]
        said = [values[name] for name in names if name in values]
        (found,) = frame[column].to_list()
        expected = [int(float(v)) for v in said] if column in numbers else said
        assert (found is None) == (not said)
        if current in values:
            assert found == (int(float(values[current])) if column in numbers else values[current])
        elif said:
            assert found in expected
    if len({column for column, _ in named}) == len(named):
        order.shuffle(given_)
        assert spans_with(given_).equals(frame)


@given(
    st.sampled_from(sorted(NAMES)),
    st.text() | st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**70), 2**70),
)
def test_a_value_of_any_kind_loses_no_span(column: str, value: object) -> None:
    frame = spans_with([(NAMES[column][0], value)])
    assert frame.height == 1
    assert frame.schema == pl.Schema(SCHEMA)
