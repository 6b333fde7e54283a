"""Spans that other people's instrumentations really wrote; record_spans.py says how."""

import json
from pathlib import Path

import polars as pl
import pytest

from parrot_reports import read_spans, write_span_report
from parrot_reports.spans.dialects import CALLS, NAMES
from parrot_reports.spans.lines import SCHEMA
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
