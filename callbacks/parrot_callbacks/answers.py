"""What a collector answered: an acknowledged request is not yet an accepted span.

OTLP lets a collector answer with success and say in the body how many spans it rejected.
OpenTelemetry's exporters don't read that body: 3 rejected spans of 3 count as exported. The
HTTP exporter takes a redirect for a success as well, and any web server's page.
Source: https://opentelemetry.io/docs/specs/otlp/#partial-success
"""

from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from parrot_callbacks.redaction import redact_text

if TYPE_CHECKING:
    from requests import Response

_REDIRECTS: Final = range(300, 400)
_SUCCESSES: Final = range(200, 300)
_MOST: Final = 200
"""Longest text taken over from an answer, in characters."""


class SpansRejectedError(Exception):
    """A collector acknowledged a request, and said that it didn't take all of it.

    Args:
        rejected: Spans that it didn't take.
        message: What it said about them.
    """

    def __init__(self, rejected: int, message: str) -> None:
        super().__init__(message)
        self.rejected = rejected


class NotDeliveredError(Exception):
    """A request failed; the message is what the collector, or the network, said to it."""


class Answers:
    """Hears a collector's answers; the last one to a request is the one that counts."""

    def __init__(self) -> None:
        self._rejected: int | None = 0
        self._message = ""
        self._failure = ""

    def forget(self) -> None:
        """Forget the answer to the request before."""
        self._rejected, self._message, self._failure = 0, "", ""

    def hear_failure(self, said: str) -> None:
        """Hear why a request failed; exporters tell a part of it, in their log."""
        self._failure = said

    def hear_http(self, response: "Response", *_: Any, **__: Any) -> None:
        """Hear an answer over HTTP; to be hung into a ``requests`` session."""
        if response.status_code in _REDIRECTS:
            location = redact_text(response.headers.get("location", "nowhere"))
            self._refuse(f"redirected to {location}; give that endpoint instead")
        elif response.status_code in _SUCCESSES and response.request.method == "POST":
            self._hear_body(response.content, response.headers.get("content-type", ""))
        else:
            self.hear_failure(f"HTTP {response.status_code} {_reason(response)}")

    def _hear_body(self, body: bytes, content_type: str) -> None:
        from google.protobuf.json_format import (  # type: ignore[import-untyped, unused-ignore]  # noqa: PLC0415  # late, as the exporter is
            Parse,
            ParseError,
        )
        from google.protobuf.message import (  # type: ignore[import-untyped, unused-ignore]  # noqa: PLC0415
            DecodeError,
        )
        from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (  # noqa: PLC0415
            ExportTraceServiceResponse,
        )

        kind = content_type.partition(";")[0].strip().lower()
        if kind == "text/html":
            self._refuse("answered with a web page, which no OTLP receiver does")
            return
        self.forget()
        answer = ExportTraceServiceResponse()
        try:
            if kind == "application/json":
                Parse(body or b"{}", answer, ignore_unknown_fields=True)
            elif kind in {"application/x-protobuf", ""}:
                answer.ParseFromString(body)
        except (DecodeError, ParseError, ValueError):  # also JSON that is not UTF-8
            # A receiver that answers "OK" or a JSON of its own rejects nothing.
            return
        self.hear(answer)

    def hear(self, answer: Any) -> None:
        """Hear an ``ExportTraceServiceResponse``."""
        self._rejected = answer.partial_success.rejected_spans
        self._message = answer.partial_success.error_message

    def _refuse(self, message: str) -> None:
        self._rejected, self._message = None, message

    def check_failure(self) -> None:
        """Say why the last request failed.

        Raises:
            NotDeliveredError: Somebody said why.
        """
        if self._failure:
            raise NotDeliveredError(self._failure)

    def check_success(self, sent: int) -> None:
        """Compare the last answer with what was sent.

        Args:
            sent: Spans of the request.

        Raises:
            SpansRejectedError: Not all of them were taken.
        """
        if self._rejected is None:
            raise SpansRejectedError(sent, self._message)
        if self._rejected > 0:
            rejected = min(self._rejected, sent)
            said = f": {self._message}" if self._message else ""
            raise SpansRejectedError(rejected, f"{rejected} of {sent} spans rejected{said}")


class AnsweredExporter(SpanExporter):
    """An exporter whose success counts only as far as the collector's answer goes.

    Args:
        exporter: The exporter.
        answers: Hears what its collector answers.
    """

    def __init__(self, exporter: SpanExporter, answers: Answers) -> None:
        self._exporter = exporter
        self._answers = answers

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Export spans.

        Raises:
            SpansRejectedError: The collector didn't take all of them.
            NotDeliveredError: The request failed, and it is known why.
        """
        self._answers.forget()
        result = self._exporter.export(spans)
        if result is SpanExportResult.SUCCESS:
            self._answers.check_success(len(spans))
        else:
            self._answers.check_failure()
        return result

    def shutdown(self) -> None:
        """Shut the exporter down."""
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Flush the exporter."""
        return self._exporter.force_flush(timeout_millis) is not False


def _reason(response: "Response") -> str:
    """What an answer that isn't a success says: its reason, and its body where that is text."""
    from google.protobuf.message import (  # type: ignore[import-untyped, unused-ignore]  # noqa: PLC0415  # late, as the exporter is
        DecodeError,
    )
    from google.rpc.status_pb2 import (  # type: ignore[import-untyped, unused-ignore]  # noqa: PLC0415
        Status,
    )

    kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    body = ""
    if kind in {"text/plain", "application/json"}:
        body = response.text
    elif kind == "application/x-protobuf":
        with suppress(DecodeError):
            body = Status.FromString(response.content).message
    said = f"{response.reason or ''}: {body}" if body else f"{response.reason or ''}"
    return " ".join(said.split())[:_MOST]
