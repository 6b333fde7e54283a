"""Spans in a file: OTLP/JSON lines, written and read.

One line is one ``ExportTraceServiceRequest`` in the JSON encoding of OTLP: ids in hex, 64-bit
integers as strings, enums as integers. It is what a collector's file exporter writes.
Source: https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding
"""

import base64
import gzip
import json
import threading
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final, cast

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags
from opentelemetry.trace.span import TraceState
from opentelemetry.util.types import AttributeValue

from parrot_callbacks.errors import MissingExtraError, TracingError

_GZIP: Final = b"\x1f\x8b"
_IDS: Final = ("traceId", "spanId", "parentSpanId")


class SpanFileExporter(SpanExporter):
    """Appends spans to a file, one OTLP/JSON request a line.

    Every batch is one write of one whole line, so that a killed run keeps what it had and a
    reader never sees half a request, except for a last line that was cut.

    Args:
        path: The file; it is made when the first spans come.

    Raises:
        MissingExtraError: The OTLP encoder isn't installed.
    """

    def __init__(self, path: Path) -> None:
        try:
            # Late, because the base install traces without it.
            from google.protobuf.json_format import (  # type: ignore[import-untyped, unused-ignore]  # noqa: PLC0415
                MessageToDict,
            )
            from opentelemetry.exporter.otlp.proto.common.trace_encoder import (  # noqa: PLC0415
                encode_spans,
            )
        except ImportError as error:
            raise MissingExtraError("the OTLP encoder that writes spans.jsonl", "bench") from error
        self.path = path
        self._encode = encode_spans
        self._to_dict = MessageToDict
        self._lock = threading.Lock()

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Append one line with these spans.

        Raises:
            OSError: The file can't be written.
        """
        if not spans:
            return SpanExportResult.SUCCESS
        request = self._to_dict(self._encode(spans), use_integers_for_enums=True)
        _ids_to_hex(request)
        line = json.dumps(request, separators=(",", ":"), ensure_ascii=False) + "\n"
        with self._lock, self.path.open("ab") as file:
            end = file.tell()
            try:
                file.write(line.encode())
                file.flush()
            except OSError:
                # A full disk takes a part of a line; the next one must not go on from there.
                file.truncate(end)
                raise
        return SpanExportResult.SUCCESS

    def shutdown(self) -> None:
        """Do nothing: no file is kept open between batches."""

    def force_flush(self, timeout_millis: int = 30_000) -> bool:  # noqa: ARG002 - the SDK's
        """Return True: nothing is kept back."""
        return True


def _ids_to_hex(request: dict[str, Any]) -> None:
    # Protobuf's own JSON mapping writes bytes as base64; OTLP departs from it for ids only.
    for of_resource in request.get("resourceSpans", ()):
        for of_scope in of_resource.get("scopeSpans", ()):
            for span in of_scope.get("spans", ()):
                for item in (span, *span.get("links", ())):
                    for key in _IDS:
                        if key in item:
                            item[key] = base64.b64decode(item[key]).hex()


@dataclass(frozen=True, slots=True)
class MalformedLine:
    """A line of a span file that could not be read.

    Attributes:
        where: Such as ``runs/x/spans.jsonl:12``.
        reason: What is wrong with it.
        cut: It is the file's last, and was not finished: its writer was killed.
    """

    where: str
    reason: str
    cut: bool = False

    def __str__(self) -> str:
        return f"{self.where}: {self.reason}"


def read_spans(
    path: Path, malformed: list[MalformedLine] | None = None
) -> Iterator[list[ReadableSpan]]:
    """Read a file of OTLP/JSON lines, the spans of one line at a time.

    Args:
        path: The file, plain or gzip; gzip is known by its first bytes.
        malformed: Gets the lines that can't be read. Without it the first of them is an
            error, except for a last line that was cut by a killed run, which is left out.

    Raises:
        TracingError: A line isn't OTLP/JSON, and ``malformed`` isn't given.
        OSError: The file can't be read.
    """
    for number, line, reason in _lines(path):
        if not reason and not line.strip():
            continue
        problem = reason
        spans: list[ReadableSpan] = []
        if not reason:
            try:
                spans = list(_spans_of(_decoded(line)))
            except _ODD as error:
                problem = f"not a request with spans in OTLP/JSON ({_said(error)})"
        if not problem:
            yield spans
            continue
        cut = bool(reason) or not line.endswith(b"\n")
        found = MalformedLine(f"{path}:{number}", "cut off" if cut else problem, cut)
        if malformed is not None:
            malformed.append(found)
        elif not cut:
            raise TracingError(f"{found}; was it written by another exporter?")


def _lines(path: Path) -> Iterator[tuple[int, bytes, str]]:
    """Yield number and line; a last one that gzip can't unpack has a reason instead."""
    with path.open("rb") as raw:
        packed = raw.read(len(_GZIP)) == _GZIP
        raw.seek(0)
        # The type of gzip's file is one of its own; it reads bytes.
        file = cast("IO[bytes]", gzip.GzipFile(fileobj=raw)) if packed else raw
        number = 0
        try:
            for number, line in enumerate(file, 1):  # used after the loop, too
                yield number, line, ""
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            yield number + 1, b"", str(error)


_ODD: Final = (
    AttributeError, LookupError, TypeError, ValueError, OverflowError, RecursionError,
)  # fmt: skip
"""What values of other types raise that nobody has written on purpose."""


def _decoded(line: bytes) -> Any:
    """Decode a line.

    Raises:
        ValueError: It is no JSON, or has half a surrogate pair, which no encoder takes.
    """
    found = json.loads(line)
    if b"\\u" in line:
        json.dumps(found, ensure_ascii=False).encode()
    return found


def _said(error: Exception) -> str:
    said = " ".join(str(error).split()) or type(error).__name__
    return f"{said} is missing" if isinstance(error, KeyError) else said


def _spans_of(request: Mapping[str, Any]) -> Iterator[ReadableSpan]:
    for of_resource in request.get("resourceSpans", ()):
        described = of_resource.get("resource", {})
        resource = Resource(
            _attributes(described.get("attributes")), of_resource.get("schemaUrl", "")
        )
        for of_scope in of_resource.get("scopeSpans", ()):
            named = of_scope.get("scope", {})
            scope = InstrumentationScope(
                named.get("name", ""),
                named.get("version"),
                of_scope.get("schemaUrl"),
                _attributes(named.get("attributes")),
            )
            for span in of_scope.get("spans", ()):
                yield _span(span, resource, scope)


def _within(number: int, bits: int) -> int:
    """A number that OTLP has room for.

    Raises:
        ValueError: It has not: one such number fails the whole request that it would be in.
    """
    if not 0 <= number < 1 << bits:
        raise ValueError(f"a number is below 0, or has more than {bits} bits")
    return number


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value


def _span(span: Mapping[str, Any], resource: Resource, scope: InstrumentationScope) -> ReadableSpan:
    parent = span.get("parentSpanId")
    flags = int(span.get("flags", 1))
    return ReadableSpan(
        # Protobuf's JSON leaves out what has its default value: a name that is empty, a time 0.
        name=_text(span.get("name", "")),
        context=_context(span, span["spanId"], is_remote=False),
        # Bit 9 of the flags says whether the parent was in another process.
        parent=_context(span, parent, is_remote=bool(flags & 0x200)) if parent else None,
        resource=resource,
        attributes=_attributes(span.get("attributes")),
        events=[
            Event(
                _text(event.get("name", "")),
                _attributes(event.get("attributes")),
                _within(int(event.get("timeUnixNano", 0)), 64),
            )
            for event in span.get("events", ())
        ],
        links=[
            Link(
                _context(link, link["spanId"], is_remote=bool(int(link.get("flags", 0)) & 0x200)),
                _attributes(link.get("attributes")),
            )
            for link in span.get("links", ())
        ],
        # OTLP counts kinds from 1, the API from 0.
        kind=SpanKind(max(0, int(span.get("kind", 1)) - 1)),
        status=_status(span.get("status", {})),
        start_time=_within(int(span.get("startTimeUnixNano", 0)), 64),
        end_time=_within(int(span.get("endTimeUnixNano", 0)), 64),
        instrumentation_scope=scope,
    )


def _status(status: Mapping[str, Any]) -> Status:
    code = _STATUS[_within(int(status.get("code", 0)), 2)]
    # The SDK keeps the message of an error alone, and logs a warning for any other.
    return Status(code, status.get("message") if code is StatusCode.ERROR else None)


_STATUS: Final = (StatusCode.UNSET, StatusCode.OK, StatusCode.ERROR)


def _context(item: Mapping[str, Any], span_id: str, *, is_remote: bool) -> SpanContext:
    state = item.get("traceState", "")
    return SpanContext(
        _within(int(item["traceId"], 16), 128),
        _within(int(span_id, 16), 64),
        is_remote,
        # The SDK's encoder leaves the sampled bit out; an unsampled span is never exported.
        TraceFlags(int(item.get("flags", 0)) & 0xFF | TraceFlags.SAMPLED),
        TraceState.from_header([state]) if state else None,
    )


def _attributes(listed: Sequence[Mapping[str, Any]] | None) -> dict[str, AttributeValue]:
    # An empty key, as any empty text, is left out by protobuf's JSON.
    return {_text(item.get("key", "")): _value(item.get("value", {})) for item in listed or ()}


def _value(value: Mapping[str, Any]) -> Any:  # noqa: PLR0911 - one return a kind of value
    for kind, content in value.items():
        match kind:
            case "intValue":
                return int(content)
            case "doubleValue":
                return float(content)  # "NaN" and "Infinity" are strings in JSON
            case "arrayValue":
                return [_value(item) for item in content.get("values", ())]
            case "kvlistValue":
                return _attributes(content.get("values"))
            case "bytesValue":
                return base64.b64decode(content)
            case _:
                return content
    return None
