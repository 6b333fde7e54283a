"""Spans in a file: what is written is read again, and what can't be read is located."""

import errno
import gzip
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry import trace
from opentelemetry.trace import Link, SpanContext, SpanKind, StatusCode, TraceFlags, TraceState

from parrot_callbacks import Tracing, TracingError, open_tracing, read_spans
from parrot_callbacks.span_file import MalformedLine, SpanFileExporter

MakeSpans = Callable[[Tracing, int], None]


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


def test_a_killed_run_keeps_what_was_flushed(tmp_path: Path, make_spans: MakeSpans) -> None:
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
    path.write_text(
        '{"resourceSpans":[{"scopeSpans":[{"spans":[{"name":"x","startTimeUnixNano":"1"}]}]}]}\n'
    )
    with pytest.raises(TracingError, match=r"spans\.jsonl:1: not a request with spans"):
        list(read_spans(path))


@pytest.fixture
def saved(tmp_path: Path, make_spans: MakeSpans) -> Path:
    """Four lines of two spans."""
    path = tmp_path / "spans.jsonl"
    tracing = open_tracing(path)
    for _ in range(4):
        make_spans(tracing, 2)
        tracing.flush()
    tracing.close()
    return path


def with_fields(**fields: object) -> bytes:
    span = {"traceId": "a" * 32, "spanId": "b" * 16, **fields}
    return json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}).encode()


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (b"{", "not a request"),
        (b"[]", "not a request"),
        (b"null", "not a request"),
        (b"\xff\xfe", "not a request"),
        (b'{"resourceSpans":[{"scopeSpans":[{"spans":[{"name":"x"}]}]}]}', "spanId"),
        (b'{"a":' * 100_000, "not a request"),
        (with_fields(startTimeUnixNano=float("inf")), "infinity"),
        (with_fields(endTimeUnixNano=-1), "64 bits"),
        (with_fields(traceId="f" * 33), "128 bits"),
        (with_fields(spanId="-1"), "64 bits"),
        (with_fields(name=5), "5 is no text"),
        (with_fields(name="\ud83e"), "surrogates"),
        (with_fields(status={"code": 3}), "out of range"),
        (with_fields(status={"code": -1}), "2 bits"),
        (with_fields(attributes=[{"key": 5}]), "5 is no text"),
        (with_fields(events=[{"timeUnixNano": 2**64}]), "64 bits"),
    ],
)
def test_a_malformed_line_takes_no_other_with_it(saved: Path, bad: bytes, said: str) -> None:
    lines = saved.read_bytes().splitlines()
    saved.write_bytes(b"\n".join([lines[0], bad, *lines[1:], b""]))
    malformed: list[MalformedLine] = []
    assert sum(map(len, read_spans(saved, malformed))) == 8
    (found,) = malformed
    assert str(found).startswith(f"{saved}:2: not a request with spans in OTLP/JSON (")
    assert said in found.reason
    assert not found.cut
    assert "\n" not in str(found)


def test_a_line_that_was_cut_is_told(saved: Path) -> None:
    saved.write_bytes(saved.read_bytes()[:-20])
    malformed: list[MalformedLine] = []
    assert sum(map(len, read_spans(saved, malformed))) == 6
    assert malformed == [MalformedLine(f"{saved}:4", "cut off", cut=True)]


def test_a_last_line_without_its_end_is_whole_if_it_can_be_read(saved: Path) -> None:
    saved.write_bytes(saved.read_bytes().rstrip(b"\n"))
    malformed: list[MalformedLine] = []
    assert sum(map(len, read_spans(saved, malformed))) == 8
    assert not malformed


def test_gzip_is_read(saved: Path) -> None:
    before = [span.to_json() for spans in read_spans(saved) for span in spans]
    saved.write_bytes(gzip.compress(saved.read_bytes()))
    assert [span.to_json() for spans in read_spans(saved) for span in spans] == before


def test_gzip_that_was_cut_keeps_what_it_had(saved: Path) -> None:
    packed = gzip.compress(saved.read_bytes() * 200)
    saved.write_bytes(packed[: len(packed) // 2])
    malformed: list[MalformedLine] = []
    assert 0 < sum(map(len, read_spans(saved, malformed))) < 1_600
    assert [line.reason for line in malformed] == ["cut off"]


def test_what_other_exporters_write(saved: Path) -> None:
    """The Go collector writes empty fields, logs and metrics; protobuf leaves defaults out."""
    span = {
        "traceId": "0af7651916cd43dd8448eb211c80319c", "spanId": "b7ad6b7169203331",
        "parentSpanId": "", "traceState": "", "flags": 257, "kind": 3, "status": {},
        "startTimeUnixNano": "1", "endTimeUnixNano": "2",
        "attributes": [{"key": "m", "value": {"kvlistValue": {}}}],
        "events": [{"timeUnixNano": "1"}],
    }  # fmt: skip
    request = {"resourceSpans": [{"resource": {}, "scopeSpans": [{"scope": {}, "spans": [span]}]}]}
    lines = ['{"resourceLogs":[{}]}', "", '{"resourceMetrics":[]}', json.dumps(request), ""]
    saved.write_text("\n".join(lines))
    (read,) = [span for spans in read_spans(saved) for span in spans]
    assert (read.name, read.parent, read.kind) == ("", None, SpanKind.CLIENT)
    assert read.status.status_code is StatusCode.UNSET
    assert dict(read.attributes or {}) == {"m": {}}


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 KiB; the kernel's own, so that writing fails as it does in life."""
    resource = pytest.importorskip("resource", reason="limits of files are POSIX")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    # A file that may not grow any more fails in the middle of a write, as a full disk does.
    resource.setrlimit(resource.RLIMIT_FSIZE, (64 * 1024, hard))
    yield tmp_path / "spans.jsonl"
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_leaves_no_half_line(small_disk: Path, make_spans: MakeSpans) -> None:
    tracing = open_tracing(small_disk)
    make_spans(tracing, 2_000)
    assert not tracing.flush()
    tracing.close()
    (delivery,) = tracing.deliveries()
    assert delivery.exported + delivery.failed == 2_000
    assert delivery.failed > 0
    assert f"Errno {errno.EFBIG}" in delivery.error
    malformed: list[MalformedLine] = []
    assert sum(map(len, read_spans(small_disk, malformed))) == delivery.exported
    assert not malformed


TEXTS = st.text(max_size=6)
VALUES = st.recursive(
    st.fixed_dictionaries({"stringValue": TEXTS})
    | st.fixed_dictionaries({"intValue": st.integers(-(2**63), 2**63 - 1).map(str)})
    | st.fixed_dictionaries({"doubleValue": st.floats(allow_nan=False)})
    | st.fixed_dictionaries({"boolValue": st.booleans()}),
    lambda inner: st.lists(inner, max_size=2).map(lambda some: {"arrayValue": {"values": some}}),
    max_leaves=3,
)
ATTRIBUTES = st.lists(st.fixed_dictionaries({"key": TEXTS, "value": VALUES}), max_size=3)
TIMES = st.integers(0, 2**64 - 1).map(str)
FIELDS: dict[str, st.SearchStrategy[object]] = {
    "name": TEXTS,
    "parentSpanId": st.from_regex("[0-9a-f]{16}", fullmatch=True),
    "startTimeUnixNano": TIMES,
    "endTimeUnixNano": TIMES,
    "kind": st.integers(0, 5),
    "attributes": ATTRIBUTES,
    "status": st.fixed_dictionaries({"code": st.integers(0, 2)}, optional={"message": TEXTS}),
    "events": st.lists(
        st.fixed_dictionaries({"name": TEXTS, "timeUnixNano": TIMES, "attributes": ATTRIBUTES}),
        max_size=2,
    ),
    "traceState": st.just("a=b,c=d"),
}
ODD = (
    st.none() | st.booleans() | st.integers() | st.integers(2**63, 2**130) | st.floats() | TEXTS
    | st.just("\ud83e") | st.lists(st.none(), max_size=1)
    | st.dictionaries(st.sampled_from(["code", "key", "spanId"]), st.integers(), max_size=2)
)  # fmt: skip


def reread(lines: bytes) -> list[str]:
    """Read a file, write what was read, and read that."""
    with TemporaryDirectory() as folder:
        first, second = Path(folder) / "first", Path(folder) / "second"
        first.write_bytes(lines)
        spans = [span for several in read_spans(first, []) for span in several]
        # As a collector is sent it: what cannot be encoded takes its whole request with it.
        SpanFileExporter(second).export(spans)
        again = [s.to_json() for some in read_spans(second) for s in some] if spans else []
        assert again == [span.to_json() for span in spans]
        return again


@settings(max_examples=60)
@given(st.fixed_dictionaries({}, optional=FIELDS))
def test_what_is_read_is_written_the_same(fields: dict[str, object]) -> None:
    (found,) = reread(with_fields(**fields) + b"\n")
    read = json.loads(found)
    assert read["name"] == fields.get("name", "")
    assert len(read["events"]) == len(fields.get("events", ()))  # type: ignore[arg-type]


@settings(max_examples=150)
@given(st.dictionaries(st.sampled_from([*FIELDS, "traceId", "spanId", "links", "flags"]), ODD))
def test_a_field_of_another_kind_fails_no_other_line(fields: dict[str, object]) -> None:
    whole = with_fields(name="whole")
    found = reread(b"\n".join([whole, with_fields(**fields), whole, b""]))
    assert [json.loads(span)["name"] for span in found].count("whole") == 2
