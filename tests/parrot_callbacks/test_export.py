"""Spans are written, sent and accounted for; the network is a small receiver of the tests' own."""

import json
import logging
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.trace import Link, SpanContext, SpanKind, StatusCode, TraceFlags, TraceState

from parrot_callbacks import TracingError, open_tracing, read_spans, send_spans
from parrot_callbacks.exporters import traces_url, without_user_info


class Receiver(ThreadingHTTPServer):
    """Takes OTLP over HTTP and keeps the span names; answers with ``status``."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.names: list[str] = []
        self.paths: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.status = 200
        self.requests = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Answer(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.requests += 1
        if self.server.status == 200:
            request = ExportTraceServiceRequest.FromString(body)
            self.server.paths.append(self.path)
            self.server.headers.append({key.lower(): value for key, value in self.headers.items()})
            self.server.names += [
                span.name
                for resource in request.resource_spans
                for scope in resource.scope_spans
                for span in scope.spans
            ]
        self.send_response(self.server.status)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *args: Any) -> None:
        """Print nothing."""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def no_otel_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    for name in tuple(os.environ):
        if name.startswith("OTEL_"):
            monkeypatch.delenv(name)


def make_spans(tracing: Any, count: int) -> None:
    tracer = tracing.tracer_provider.get_tracer("tests", "1")
    for number in range(count):
        with tracer.start_as_current_span(f"span {number}"):
            pass


def test_every_field_survives_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_SERVICE_NAME", "parrots")
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "team=birds")
    path = tmp_path / "spans.jsonl"
    tracing = open_tracing(path)
    tracer = tracing.tracer_provider.get_tracer("tests", "1", schema_url="https://example.org/1")
    remote = SpanContext(
        2**127 + 1, 2**63 + 1, is_remote=True, trace_flags=TraceFlags(1),
        trace_state=TraceState([("a", "b")]),
    )  # fmt: skip
    attributes = {
        "s": "ü", "i": 2**62, "d": 0.0, "t": True, "l": ["a", "b"], "n": [1, 2], "e": "",
    }  # fmt: skip
    span = tracer.start_span(
        "wörk",
        trace.set_span_in_context(trace.NonRecordingSpan(remote)),
        SpanKind.CLIENT,
        attributes,
        # Without trace state: the SDK's encoder leaves that of links out.
        links=[Link(SpanContext(2**127 + 1, 2**63 + 1, is_remote=True), {"x": 1.5})],
    )
    span.add_event("exception", {"exception.type": "ValueError"})
    span.set_status(StatusCode.ERROR, "no")
    span.end()
    (before,) = tracing.take()
    tracing.close()

    (line,) = path.read_text().splitlines()
    (written,) = json.loads(line)["resourceSpans"][0]["scopeSpans"][0]["spans"]
    assert written["traceId"] == f"{2**127 + 1:032x}"
    assert written["parentSpanId"] == written["links"][0]["spanId"] == f"{2**63 + 1:016x}"
    assert written["kind"] == 3
    assert written["status"] == {"message": "no", "code": 2}
    assert isinstance(written["startTimeUnixNano"], str)
    assert {"key": "i", "value": {"intValue": str(2**62)}} in written["attributes"]
    assert {"key": "d", "value": {"doubleValue": 0.0}} in written["attributes"]

    ((after,),) = read_spans(path)
    assert json.loads(after.to_json()) == json.loads(before.to_json())
    assert after.resource.attributes["service.name"] == "parrots"
    assert after.resource.attributes["team"] == "birds"
    assert after.instrumentation_scope == before.instrumentation_scope


def test_nothing_is_sent_by_default(tmp_path: Path) -> None:
    tracing = open_tracing(tmp_path / "spans.jsonl")
    make_spans(tracing, 3)
    assert tracing.flush()
    tracing.close()
    tracing.close()
    assert [delivery.exporter for delivery in tracing.deliveries()] == ["spans.jsonl"]
    assert (tracing.started, tracing.ended) == (3, 3)


def test_a_killed_run_keeps_what_was_flushed(tmp_path: Path) -> None:
    path = tmp_path / "spans.jsonl"
    tracing = open_tracing(path)
    make_spans(tracing, 2)
    tracing.flush()
    make_spans(tracing, 1)
    assert sum(map(len, read_spans(path))) == 2
    with path.open("ab") as file:
        file.write(b'{"resourceSpans":[{"scop')
    assert sum(map(len, read_spans(path))) == 2
    tracing.close()


def test_a_line_that_is_not_otlp(tmp_path: Path) -> None:
    path = tmp_path / "spans.jsonl"
    path.write_text('{"resourceSpans":[{"scopeSpans":[{"spans":[{"name":"x"}]}]}]}\n')
    with pytest.raises(TracingError, match=r"spans\.jsonl:1: not a request with spans"):
        list(read_spans(path))


def test_every_span_arrives(tmp_path: Path, receiver: Receiver) -> None:
    tracing = open_tracing(tmp_path / "spans.jsonl", receiver.url, planned_spans=5_000)
    make_spans(tracing, 5_000)
    assert receiver.requests == 0, "nothing is sent before flush()"
    assert tracing.flush()
    tracing.close()
    assert len(receiver.names) == 5_000
    assert set(receiver.paths) == {"/v1/traces"}
    for delivery in tracing.deliveries():
        assert (delivery.exported, delivery.failed, delivery.dropped) == (5_000, 0, 0)
        assert delivery.error == ""


def test_a_full_queue_is_no_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_BSP_MAX_QUEUE_SIZE", "10")
    tracing = open_tracing(tmp_path / "spans.jsonl")
    make_spans(tracing, 3_000)
    assert not tracing.flush() or tracing.deliveries()[0].exported == 3_000
    tracing.close()
    (delivery,) = tracing.deliveries()
    assert delivery.exported + delivery.dropped == 3_000
    assert sum(map(len, read_spans(tmp_path / "spans.jsonl"))) == delivery.exported


def test_a_collector_that_is_away(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "1")
    tracing = open_tracing(tmp_path / "spans.jsonl", "http://user:pass@127.0.0.1:1")
    make_spans(tracing, 2_000)
    assert not tracing.flush()
    make_spans(tracing, 1)
    tracing.close()
    file, otlp = tracing.deliveries()
    assert file.exported == sum(map(len, read_spans(tmp_path / "spans.jsonl"))) == 2_001
    assert otlp.exporter == "otlp http://127.0.0.1:1"
    assert (otlp.exported, otlp.failed) == (0, 2_001)
    assert otlp.error
    assert "\n" not in otlp.error
    assert capfd.readouterr() == ("", "")
    assert logging.getLogger("opentelemetry").propagate


def test_a_collector_that_refuses(receiver: Receiver) -> None:
    receiver.status = 400
    tracing = open_tracing(None, receiver.url)
    make_spans(tracing, 2_000)
    tracing.close()
    (delivery,) = tracing.deliveries()
    assert (delivery.exported, delivery.failed, delivery.dropped) == (0, 2_000, 0)
    assert "400" in delivery.error
    assert receiver.requests == 2, "not tried again after two failures in a row"


def test_sending_a_saved_file(
    tmp_path: Path, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-team=birds")
    path = tmp_path / "spans.jsonl"
    tracing = open_tracing(path)
    make_spans(tracing, 1_000)
    tracing.close()
    delivery = send_spans(path, receiver.url)
    assert (delivery.exported, delivery.failed, delivery.dropped) == (1_000, 0, 0)
    assert receiver.names == [f"span {number}" for number in range(1_000)]
    assert receiver.headers[0]["x-team"] == "birds"


def test_the_environment_decides(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.url)
    for variable, value, exporters in (
        ("OTEL_TRACES_SAMPLER", "always_on", 1),
        ("OTEL_TRACES_EXPORTER", "otlp,console", 2),
        ("OTEL_TRACES_EXPORTER", "none", 0),
    ):
        monkeypatch.setenv(variable, value)
        tracing = open_tracing(None)
        assert len(tracing.deliveries()) == exporters
        tracing.close()
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "zipkim")
    with pytest.raises(TracingError, match="zipkim"):
        open_tracing(None)


@pytest.mark.parametrize(
    ("variable", "value"), [("OTEL_TRACES_SAMPLER", "always_off"), ("OTEL_SDK_DISABLED", "true")]
)
def test_no_spans_are_no_loss(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    tracing = open_tracing(tmp_path / "spans.jsonl")
    make_spans(tracing, 3)
    assert tracing.flush()
    tracing.close()
    assert (tracing.started, tracing.ended, tracing.take()) == (0, 0, [])


def test_endpoints() -> None:
    assert traces_url("http://h:4318") == traces_url("http://h:4318/") == "http://h:4318/v1/traces"
    assert traces_url("https://h/otlp/v1/traces") == "https://h/otlp/v1/traces"
    assert without_user_info("https://u:p@h:1/x") == "https://h:1/x"
    with pytest.raises(TracingError, match="give a URL such as"):
        traces_url("localhost:4318")


def test_what_an_import_loads() -> None:
    code = (
        "import sys, parrot_callbacks; "
        "print(*{name.partition('.')[0] for name in sys.modules}, "
        "*[name for name in sys.modules if name.startswith('opentelemetry.exporter')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True, text=True, check=True, env={"PYTHONPATH": ":".join(sys.path)},
    )  # fmt: skip
    loaded = set(done.stdout.split())
    assert not loaded & {"numpy", "matplotlib", "polars", "parrot_bench", "parrot_reports"}
    assert not [name for name in loaded if name.startswith("opentelemetry.exporter")]
    assert "google" not in loaded


def test_a_missing_extra_says_what_to_type(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.common.trace_encoder", None)
    with pytest.raises(ImportError, match=r"pip install 'parrot-bench\[bench\]'"):
        open_tracing(tmp_path / "spans.jsonl")
