"""Every span is accounted for, whatever the exporter does: exported, failed or dropped."""

import logging
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from otlp_receiver import Answer, Received, grpc_receiver, http_receiver, partial_success

from parrot_callbacks import Delivery, Tracing, open_tracing, read_spans, send_spans

MakeSpans = Callable[[Tracing, int], None]

TOO_MANY = partial_success(3, "attribute too long").SerializeToString()


def adds_up(tracing: Tracing, path: Path) -> Delivery:
    """Check the accounts against the file; return that of the other exporter."""
    file, other = tracing.deliveries()
    assert tracing.started == tracing.ended
    for delivery in (file, other):
        assert delivery.exported + delivery.failed + delivery.dropped == tracing.ended
        assert "\n" not in delivery.error
    assert (file.exported, file.error) == (tracing.ended, "")
    assert sum(map(len, read_spans(path))) == tracing.ended, "the file is complete"
    return other


def flaky(answer: Answer) -> Callable[[int], Answer]:
    """Answer the second and the fifth request like that, and the others well."""
    return lambda number: answer if number in {2, 5} else Answer()


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that is busy with something else loses no span."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "60")


@pytest.fixture(params=["http", "grpc"])
def either(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Received]:
    if request.param == "http":
        with http_receiver() as received:
            yield received
        return
    pytest.importorskip("grpc", reason="the extra grpc is not installed")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
    with grpc_receiver() as received:
        yield received


def test_every_span_arrives(tmp_path: Path, either: Received, make_spans: MakeSpans) -> None:
    path = tmp_path / "spans.jsonl"
    tracing = open_tracing(path, either.url, planned_spans=5_000)
    make_spans(tracing, 5_000)
    assert either.requests == 0, "nothing is sent before flush()"
    assert tracing.flush()
    tracing.close()
    assert adds_up(tracing, path).exported == len(either.spans()) == 5_000
    assert max(either.sizes) == 512


@pytest.mark.parametrize(
    ("answer", "lost"),
    [
        (Answer(status=400), 1_024),
        (Answer(status=302, headers={"location": "http://u:s3cret@127.0.0.1:9/"}), 1_024),
        (Answer(body=b"<html>", content_type="text/html"), 1_024),
        (Answer(body=TOO_MANY), 6),
        (
            Answer(
                body=b'{"partialSuccess":{"rejectedSpans":"3","errorMessage":"no"}}',
                content_type="application/json; charset=utf-8",
            ),
            6,
        ),
        (Answer(body=partial_success(10_000, "").SerializeToString()), 1_024),
        # A warning, and answers in forms of their own: nothing was rejected.
        (Answer(body=partial_success(0, "slow down").SerializeToString()), 0),
        (Answer(body=b"OK", content_type="text/plain"), 0),
        (Answer(body=b"\xff\xff\xff", content_type="application/x-protobuf"), 0),
        (Answer(body=b"{nonsense", content_type="application/json"), 0),
        # The exporter itself tries these again, and they succeed.
        (Answer(status=503, headers={"retry-after": "0"}), 0),
        (Answer(reset=True), 0),
    ],
)
def test_a_collector_that_fails_now_and_then(
    tmp_path: Path, receiver: Received, make_spans: MakeSpans, answer: Answer, lost: int
) -> None:
    receiver.answers = flaky(answer)
    path = tmp_path / "spans.jsonl"
    tracing = open_tracing(path, receiver.url, planned_spans=5_000)
    make_spans(tracing, 5_000)
    assert tracing.flush() == (not lost)
    tracing.close()
    delivery = adds_up(tracing, path)
    assert (delivery.exported, delivery.failed) == (5_000 - lost, lost)
    assert bool(delivery.error) == bool(lost)
    assert "s3cret" not in delivery.error


@pytest.mark.parametrize("answer", [Answer(status=429), Answer(status=500)])
def test_what_not_every_exporter_tries_again(
    tmp_path: Path, receiver: Received, make_spans: MakeSpans, answer: Answer
) -> None:
    """1.36 tries 500 again and not 429, 1.45 the other way round; the account is right."""
    answer.headers = {"retry-after": "0"}
    receiver.answers = flaky(answer)
    path = tmp_path / "spans.jsonl"
    tracing = open_tracing(path, receiver.url, planned_spans=5_000)
    make_spans(tracing, 5_000)
    tracing.close()
    delivery = adds_up(tracing, path)
    assert delivery.exported == len(receiver.spans()) == 5_000 - delivery.failed
    assert delivery.failed in {0, 1_024}
    assert delivery.error.startswith(f"HTTP {answer.status}" if delivery.failed else "")


@pytest.mark.parametrize(
    ("answer", "lost"),
    [
        (Answer(status="INVALID_ARGUMENT"), 1_024),
        (Answer(body=TOO_MANY), 6),
        (Answer(status="UNAVAILABLE"), 0),
    ],
)
def test_a_grpc_collector_that_fails_now_and_then(
    tmp_path: Path,
    make_spans: MakeSpans,
    monkeypatch: pytest.MonkeyPatch,
    answer: Answer,
    lost: int,
) -> None:
    pytest.importorskip("grpc", reason="the extra grpc is not installed")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
    path = tmp_path / "spans.jsonl"
    with grpc_receiver() as received:
        received.answers = flaky(answer)
        tracing = open_tracing(path, received.url, planned_spans=5_000)
        make_spans(tracing, 5_000)
        assert tracing.flush() == (not lost)
        tracing.close()
    delivery = adds_up(tracing, path)
    assert (delivery.exported, delivery.failed) == (5_000 - lost, lost)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Answer(status=404), "HTTP 404 Not Found"),
        (
            Answer(status=409, body=b'{"detail":\n"no"}', content_type="application/json"),
            'HTTP 409 Conflict: {"detail": "no"}',
        ),
        # A google.rpc.Status, as the Go collector answers.
        (Answer(status=400, body=b"\x12\x03bad"), "HTTP 400 Bad Request: bad"),
        (Answer(status=400, body=b"\xff\xff"), "HTTP 400 Bad Request"),
        (
            Answer(status=401, body=b"not sk-abcdefgh123", content_type="text/plain"),
            "HTTP 401 Unauthorized: not [redacted]",
        ),
        (
            Answer(status=307, headers={"location": "https://u:s3cret@h/"}),
            "redirected to https://h/; give that endpoint instead",
        ),
        (
            Answer(body=b"<html>", content_type="text/html"),
            "answered with a web page, which no OTLP receiver does",
        ),
    ],
)
def test_why_it_failed(
    receiver: Received, make_spans: MakeSpans, answer: Answer, said: str
) -> None:
    receiver.answers = lambda _: answer
    tracing = open_tracing(None, receiver.url)
    make_spans(tracing, 10)
    tracing.close()
    assert tracing.deliveries() == [Delivery(f"otlp {receiver.url}", 0, 10, 0, said)]


def test_rejected_spans_are_named(receiver: Received, make_spans: MakeSpans) -> None:
    receiver.answers = lambda _: Answer(body=TOO_MANY)
    tracing = open_tracing(None, receiver.url)
    make_spans(tracing, 100)
    tracing.close()
    assert tracing.deliveries() == [
        Delivery(f"otlp {receiver.url}", 97, 3, 0, "3 of 100 spans rejected: attribute too long")
    ]


def test_a_collector_that_refuses_is_not_asked_for_ever(
    either: Received, make_spans: MakeSpans
) -> None:
    grpc = os.environ.get("OTEL_EXPORTER_OTLP_PROTOCOL") == "grpc"
    either.answers = lambda _: Answer(status="UNIMPLEMENTED" if grpc else 400)
    tracing = open_tracing(None, either.url)
    make_spans(tracing, 2_000)
    tracing.close()
    (delivery,) = tracing.deliveries()
    assert (delivery.exported, delivery.failed, delivery.dropped) == (0, 2_000, 0)
    assert delivery.error.endswith("; 976 not tried again after that")
    assert either.requests == 2


def test_a_collector_that_is_away(
    tmp_path: Path,
    make_spans: MakeSpans,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "1")
    path = tmp_path / "spans.jsonl"
    tracing = open_tracing(path, "http://user:pass@127.0.0.1:1")
    make_spans(tracing, 2_000)
    assert not tracing.flush()
    make_spans(tracing, 1)
    tracing.close()
    delivery = adds_up(tracing, path)
    assert delivery.exporter == "otlp http://127.0.0.1:1"
    assert (delivery.exported, delivery.failed) == (0, 2_001)
    assert "refused" in delivery.error
    assert "pass" not in delivery.error
    assert capfd.readouterr() == ("", "")
    assert logging.getLogger("opentelemetry").propagate


class Gate(SpanExporter):
    """An exporter that waits until it is opened."""

    def __init__(self) -> None:
        self.waiting = threading.Event()
        self.opened = threading.Event()
        self.names: list[str] = []
        self.shut = False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self.waiting.set()
        assert self.opened.wait(60)
        self.names += [span.name for span in spans]
        return SpanExportResult.SUCCESS

    def shutdown(self) -> None:
        self.shut = True


def test_a_full_queue_is_counted_exactly(
    make_spans: MakeSpans, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_BSP_MAX_QUEUE_SIZE", "10")
    gate = Gate()
    tracing = Tracing({"gate": gate}, planned_spans=5_000)
    make_spans(tracing, 10)
    assert gate.waiting.wait(60), "a full queue wakes the processor's thread"
    make_spans(tracing, 25)
    gate.opened.set()
    assert not tracing.flush()
    tracing.close()
    assert len(gate.names) == 20
    assert tracing.deliveries() == [
        Delivery("gate", 20, 0, 15, "the queue was full; raise OTEL_BSP_MAX_QUEUE_SIZE")
    ]


def test_an_exporter_that_hangs_is_left_behind(
    tmp_path: Path, make_spans: MakeSpans, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_BSP_EXPORT_TIMEOUT", "100")
    from parrot_callbacks import SpanFileExporter

    gate = Gate()
    path = tmp_path / "spans.jsonl"
    tracing = Tracing({"spans.jsonl": SpanFileExporter(path), "gate": gate}, planned_spans=100)
    for _ in range(3):
        make_spans(tracing, 100)
        assert not tracing.flush()
    tracing.close()
    delivery = adds_up(tracing, path)
    assert (delivery.exported, delivery.failed) == (0, 300)
    assert not gate.shut, "it may be in the middle of something"
    gate.opened.set()


class Broken(SpanExporter):
    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        raise RuntimeError("token=abc at http://u:s3cret@h/?api_key=xyz\nsecond line")

    def shutdown(self) -> None: ...


def test_an_exporter_that_raises(make_spans: MakeSpans) -> None:
    tracing = Tracing({"broken": Broken()}, planned_spans=100)
    make_spans(tracing, 3)
    tracing.close()
    (delivery,) = tracing.deliveries()
    assert (delivery.exported, delivery.failed) == (0, 3)
    assert delivery.error.startswith("RuntimeError: ")
    assert "\n" not in delivery.error
    assert "s3cret" not in delivery.error
    assert "xyz" not in delivery.error


def test_what_ends_after_closing_is_told_as_that(make_spans: MakeSpans, tmp_path: Path) -> None:
    tracing = open_tracing(tmp_path / "spans.jsonl")
    late = tracing.tracer_provider.get_tracer("tests").start_span("late")
    make_spans(tracing, 2)
    tracing.close()
    late.end()
    (delivery,) = tracing.deliveries()
    assert (tracing.started, tracing.ended) == (3, 3)
    assert (delivery.exported, delivery.dropped) == (2, 1)
    assert delivery.error == "1 ended after tracing was closed"


def test_two_at_once_leave_the_logger_as_it_was(make_spans: MakeSpans, tmp_path: Path) -> None:
    logger = logging.getLogger("opentelemetry")
    first, second = open_tracing(tmp_path / "a.jsonl"), open_tracing(tmp_path / "b.jsonl")
    assert not logger.propagate
    first.close()
    assert not logger.propagate
    second.close()
    assert logger.propagate


def test_sending_a_saved_file_is_the_same_again(
    tmp_path: Path, either: Received, make_spans: MakeSpans, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-team=birds")
    path = tmp_path / "spans.jsonl"
    tracing = open_tracing(path, either.url)
    make_spans(tracing, 1_000)
    tracing.close()
    live = [span.SerializeToString() for span in either.spans()]
    assert len(set(live)) == 1_000
    for _ in range(2):
        either.taken.clear()
        sent = send_spans(path, either.url)
        assert sent.delivery == Delivery(f"otlp {either.url}", 1_000, 0, 0)
        assert (sent.read, sent.malformed) == (1_000, ())
        assert [span.SerializeToString() for span in either.spans()] == live
    assert either.headers[-1]["x-team"] == "birds"
