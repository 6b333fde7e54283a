"""A report from spans alone: of any application, from a file as a collector writes it."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from parrot_bench.errors import RecordError
from parrot_reports import read_spans, write_span_report
from parrot_reports.parts import plain
from parrot_reports.spans.operations import named, operations
from parrot_reports.spans.report import SpanReport, headline, notes, reading, span_report

HOSTILE = "<img src=x onerror=alert(1)> `|\u202e {{ 7*7 }} @you"
MS = 1_000_000
START = 1_795_500_000_000 * MS


def attribute(key: str, value: Any) -> dict[str, Any]:
    kinds = {bool: "boolValue", int: "intValue", float: "doubleValue", str: "stringValue"}
    kind = kinds[type(value)]
    return {"key": key, "value": {kind: str(value) if kind == "intValue" else value}}


def span(
    name: str, number: int, *, trace: int = 1, parent: int = 0, ms: tuple[float, float] = (0, 100),
    failed: bool = False, **attributes: Any,
) -> dict[str, Any]:  # fmt: skip
    """A span as the Go collector's file exporter writes it: empty fields are there."""
    return {
        "traceId": f"{trace:032x}",
        "spanId": f"{number:016x}",
        "traceState": "",
        "parentSpanId": f"{parent:016x}" if parent else "",
        "flags": 257,
        "name": name,
        "kind": 3,
        "startTimeUnixNano": str(START + int(ms[0] * MS)),
        "endTimeUnixNano": str(START + int(ms[1] * MS)),
        "attributes": [attribute(key.replace("__", "."), v) for key, v in attributes.items()],
        "status": {"code": 2, "message": "no"} if failed else {},
    }


def request(*spans: dict[str, Any], service: str = "shop") -> str:
    scope = {"scope": {"name": "app", "version": "1"}, "spans": list(spans)}
    resource = {"attributes": [attribute("service.name", service)]}
    return json.dumps({"resourceSpans": [{"resource": resource, "scopeSpans": [scope]}]})


def chat(number: int, model: str = "gpt-4.1", **more: Any) -> dict[str, Any]:
    named = {"gen_ai__operation__name": "chat", "gen_ai__request__model": model}
    return span(f"chat {model}", number, **{**named, **more})


AGENT = request(
    span("invoke_agent cook", 1, ms=(0, 900), gen_ai__operation__name="invoke_agent"),
    chat(
        2, parent=1, ms=(10, 400), gen_ai__usage__input_tokens=30, gen_ai__usage__output_tokens=7,
        gen_ai__response__time_to_first_chunk=0.1, gen_ai__provider__name="openai",
    ),
    span("POST", 3, parent=2, ms=(20, 390), http__request__method="POST"),
    span("execute_tool search", 4, parent=1, ms=(400, 500), gen_ai__operation__name="execute_tool"),
    chat(5, parent=1, ms=(500, 800), failed=True, error__type="RateLimitError"),
)  # fmt: skip


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    def lines(*lines: str, end: str = "\n") -> Path:
        path = tmp_path / "traces.jsonl"
        path.write_text("\n".join(lines) + end, encoding="utf-8")
        return path

    return lines


def understood(path: Path) -> SpanReport:
    return span_report(read_spans(path), path.name)


def test_what_an_application_did(write: Callable[..., Path]) -> None:
    report = understood(write(AGENT))
    assert plain(headline(report)) == (
        "2 calls of `gpt-4.1`; half of them took 300 ms or less, 1 failed (50 %)."
    )
    assert [(each.name, each.calls, each.failed) for each in report.operations] == [
        ("chat gpt-4.1", 2, 1),
        ("execute_tool search", 1, 0),
        ("invoke_agent cook", 1, 0),
    ]
    assert [(use.provider, use.calls, use.input_tokens) for use in report.use] == [
        ("", 1, None),
        ("openai", 1, 30),
    ]
    assert [(f.error, f.operation, f.number) for f in report.failures] == [
        ("RateLimitError", "chat gpt-4.1", 1)
    ]
    assert report.services == ("shop",)
    assert report.others == 1


def test_one_trace_of_each_kind_is_the_median_one(write: Callable[..., Path]) -> None:
    quick = [
        request(chat(10 * n, trace=n, ms=(0, 10 * n)), chat(10 * n + 1, trace=n, parent=10 * n))
        for n in range(2, 9)
    ]
    found = understood(write(AGENT, *quick)).traces.kinds
    assert [(trace.name, trace.alike) for trace in found] == [
        ("chat gpt-4.1", 7),
        ("invoke_agent cook", 1),
    ]
    median, agent = found
    assert median.trace_id == f"{5:032x}"
    assert [(bar.name, bar.depth, bar.calls_model, bar.failed) for bar in agent.bars] == [
        ("invoke_agent cook", 0, False, False),
        ("chat gpt-4.1", 1, True, False),
        ("POST", 2, False, False),
        ("execute_tool search", 1, False, False),
        ("chat gpt-4.1", 1, True, True),
    ]
    assert agent.length == 900 * MS
    assert agent.bars[1].first_chunk == 110 * MS


def test_a_root_whose_parent_is_in_another_file(write: Callable[..., Path]) -> None:
    (trace,) = understood(write(request(chat(5, parent=99)))).traces.kinds
    assert (trace.name, len(trace.bars)) == ("chat gpt-4.1", 1)


def test_percentiles_stand_only_where_there_are_spans_enough(write: Callable[..., Path]) -> None:
    def durations(number: int) -> tuple[float | None, ...]:
        spans = [chat(n + 1, trace=n + 1, ms=(0, n + 1)) for n in range(number)]
        (found,), _ = operations(named(read_spans(write(*map(request, spans))).frame))
        assert found.longest == number * MS
        assert all(each.value or "needs" in each.reason for each in found.durations)
        return tuple(each.value and each.value / MS for each in found.durations)

    assert durations(5) == (None, None, None)
    assert durations(6) == (3, None, None)
    assert durations(36) == (18, 33, None)
    assert durations(368) == (184, 332, 365)


def test_older_names_of_the_conventions(write: Callable[..., Path]) -> None:
    old = chat(
        1, gen_ai__system="openai", gen_ai__usage__prompt_tokens=3,
        gen_ai__usage__completion_tokens=4,
    )  # fmt: skip
    (use,) = understood(write(request(old))).use
    assert (use.provider, use.input_tokens, use.output_tokens) == ("openai", 3, 4)


def test_other_signals_and_broken_lines_are_counted_and_take_nothing_along(
    write: Callable[..., Path],
) -> None:
    path = write(
        AGENT,
        '{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":{"stringValue":"x"}}]}]}]}',
        "{broken",
        '{"resourceMetrics":[{}]}',
        request(chat(50, trace=2)),
        AGENT,
        AGENT[:100],
        end="",
    )
    report = understood(path)
    assert len(report.table) == 6
    assert [str(line).split(": ")[0] for line in report.table.malformed] == [
        "traces.jsonl:3",
        "traces.jsonl:7",
    ]
    level, said = reading(report)
    assert (level, said) == (
        "amber",
        "Read with care: 2 of 7 lines could not be read; 6 spans in the others.",
    )
    assert notes(report) == (
        "1 line of logs passed over.",
        "1 line of metrics passed over.",
        "5 spans there more than once, counted once.",
        "1 span without a GenAI operation: drawn inside traces, counted nowhere.",
    )
    files = write_span_report(path)
    page, summary = files.page.read_text(encoding="utf-8"), files.summary.read_text("utf-8")
    assert "<code>traces.jsonl:3</code>" in page
    assert "`traces.jsonl:7`" in summary
    assert said in page
    assert "2 of 7 lines" in summary


def test_the_same_file_gives_the_same_bytes_packed_or_not(
    write: Callable[..., Path], tmp_path: Path
) -> None:
    spans = [chat(n + 1, trace=n + 1, ms=(0, n + 1)) for n in range(150)]
    path = write(AGENT, *map(request, spans))
    packed = tmp_path / "packed" / path.name
    packed.parent.mkdir()
    packed.write_bytes(gzip.compress(path.read_bytes()))
    made = [write_span_report(path), write_span_report(packed), write_span_report(path)]
    pages = {files.page.read_bytes() for files in made}
    assert len(pages) == 1
    assert {files.summary.read_bytes() for files in made} == {made[0].summary.read_bytes()}
    assert [figure.name for figure in made[0].figures] == [
        "latency.svg", "latency.png", "over-time.svg", "over-time.png",
    ]  # fmt: skip
    assert made[1].page.parent == packed.parent


def test_names_from_spans_are_text(write: Callable[..., Path], tmp_path: Path) -> None:
    hostile = chat(
        1, HOSTILE, failed=True, error__type=HOSTILE, gen_ai__provider__name=HOSTILE,
        langchain__identifying_params__x=HOSTILE,
    )  # fmt: skip
    tool = span(HOSTILE, 2, trace=2, gen_ai__operation__name=HOSTILE)
    lines = [request(hostile, tool, service=HOSTILE)] * 2
    files = write_span_report(write(*lines), tmp_path / "out")
    page = files.page.read_text(encoding="utf-8")
    assert "<img" not in page
    assert "\u202e" not in page
    assert "{{ 7*7 }}" in page
    assert "&lt;img" in page
    summary = files.summary.read_text(encoding="utf-8")
    assert "\u202e" not in summary
    table = [line for line in summary.splitlines() if line.startswith("| `")]
    assert table
    assert all(line.replace("\\|", "").count("|") == 10 for line in table)


def test_spans_that_are_not_genai_are_said_to_be_that(write: Callable[..., Path]) -> None:
    files = write_span_report(write(request(span("GET", 1))))
    page = files.page.read_text(encoding="utf-8")
    assert "has no calls of a model among its 1 spans" in page
    assert page.count("Not drawn: ") == 4


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "has no spans; give OTLP/JSON, one request a line"),
        (b"hello\n", "traces.jsonl:1: "),
        (b'{"resourceLogs":[]}\n', "has no spans"),
        (b"\x28\xb5\x2f\xfd\x00\n", "has no spans"),
    ],
)
def test_what_is_no_span_file(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "traces.jsonl"
    path.write_bytes(content)
    with pytest.raises(RecordError) as caught:
        write_span_report(path)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
    assert [file.name for file in tmp_path.iterdir()] == ["traces.jsonl"]


def test_the_report_of_a_run_is_not_overwritten(make_run: Callable[..., Path]) -> None:
    run = make_run()
    with pytest.raises(RecordError, match="is a run directory"):
        write_span_report(run / "spans.jsonl")
    files = write_span_report(run / "spans.jsonl", run / "of-spans")
    assert files.page.is_file()
    assert "parrot_bench.mode" in files.page.read_text(encoding="utf-8")


def test_a_ring_of_parents_ends(write: Callable[..., Path]) -> None:
    ring = request(chat(1, parent=2), chat(2, parent=1))
    report = understood(write(ring, request(chat(3, parent=2)), request(chat(9, trace=2))))
    assert report.totals.calls == 4
    assert [trace.trace_id for trace in report.traces.kinds] == [f"{2:032x}"], "a ring has no root"
