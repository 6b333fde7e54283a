"""What becomes of spans: counted at the source, and accounted for at every exporter.

The SDK's batch processor drops the oldest spans when its queue is full, ignores failed
exports, and its ``force_flush`` returns True regardless: 6,224 of 20,000 spans were lost that
way without a word. So everything is counted here, and what doesn't add up is reported.
"""

import contextvars
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from parrot_callbacks.answers import NotDeliveredError, SpansRejectedError
from parrot_callbacks.quiet import ExporterLog
from parrot_callbacks.redaction import redact_text

PATIENCE: Final = 2
"""Failures in a row after which an exporter isn't tried again: a collector that is away
costs its timeout each time."""
LIMIT_S: Final = 30.0
"""Longest time for one request, whatever the exporter does; also the default of
OTEL_BSP_EXPORT_TIMEOUT, which the SDK reads and does not use."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of the spans handed to one exporter.

    Attributes:
        exporter: Such as ``spans.jsonl`` or ``otlp http://127.0.0.1:4318``.
        exported: Spans that the exporter acknowledged.
        failed: Spans that it refused or could not deliver.
        dropped: Spans that never reached it because a queue was full.
        error: What the last failure said; empty when all went well.
    """

    exporter: str
    exported: int
    failed: int
    dropped: int
    error: str = ""


class SpanCollector(SpanProcessor):
    """Counts sampled spans as they start and end; keeps the ended ones until they are taken."""

    def __init__(self) -> None:
        self.started = 0
        self.ended = 0
        self.late = 0
        self._closed = False
        self._kept: list[ReadableSpan] = []
        self._lock = threading.Lock()

    def on_start(
        self,
        span: Span,
        parent_context: Context | None = None,  # noqa: ARG002 - the SDK's signature
    ) -> None:
        """Count a started span."""
        if span.get_span_context().trace_flags.sampled:
            with self._lock:
                self.started += 1

    def on_end(self, span: ReadableSpan) -> None:
        """Count an ended span and keep it."""
        context = span.context
        if context is not None and context.trace_flags.sampled:
            with self._lock:
                self.ended += 1
                self.late += self._closed
                self._kept.append(span)

    def shutdown(self) -> None:
        """Note that what ends from now on is late: no exporter gets it any more."""
        with self._lock:
            self._closed = True

    def take(self) -> list[ReadableSpan]:
        """Return the spans that ended since the last time, in that order."""
        with self._lock:
            taken, self._kept = self._kept, []
        return taken


class AccountedExporter(SpanExporter):
    """Passes spans to an exporter in small batches and keeps account of them.

    Args:
        name: What it is called in the account.
        exporter: The exporter.
        batch: Most spans in one request.
        log: Hears what the exporter says when it fails.
        limit_s: Longest time for one request, seconds. An exporter that takes longer is left
            behind and not used again: it may be in the middle of something.
    """

    def __init__(
        self,
        name: str,
        exporter: SpanExporter,
        batch: int,
        log: ExporterLog,
        limit_s: float = LIMIT_S,
    ) -> None:
        self.name = name
        self._exporter = exporter
        self._batch = batch
        self._log = log
        self._limit_s = limit_s
        self._lock = threading.Lock()
        self._exported = 0
        self._failed = 0
        self._failures_in_a_row = 0
        self._hangs = False
        self._error = ""
        self._untried = 0

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Export what the batch processor hands over, and count the results."""
        result = SpanExportResult.SUCCESS
        for start in range(0, len(spans), self._batch):
            part = spans[start : start + self._batch]
            if self._hangs or self._failures_in_a_row >= PATIENCE:
                failed, error = len(part), ""
            else:
                failed, error = self._export_part(part)
            with self._lock:
                self._exported += len(part) - failed
                self._failed += failed
                if not failed:
                    continue
                result = SpanExportResult.FAILURE
                if error:
                    self._error = redact_text(" ".join(error.split()))
                else:
                    self._untried += failed
        return result

    def _export_part(self, part: Sequence[ReadableSpan]) -> tuple[int, str]:
        """Export one request; return how many spans failed, and what was said."""
        self._log.forget()
        outcome: list[SpanExportResult | Exception] = []

        def request() -> None:
            try:
                outcome.append(self._exporter.export(part))
            except Exception as error:  # noqa: BLE001 - any exporter may be behind this
                outcome.append(error)

        # The context holds the key that keeps instrumented clients from tracing an export.
        context = contextvars.copy_context()
        thread = threading.Thread(target=context.run, args=(request,), daemon=True)
        thread.start()
        thread.join(self._limit_s)
        if not outcome:
            self._hangs = True
            return len(part), f"the exporter did not come back within {self._limit_s:g} s"
        match outcome[0]:
            case SpanExportResult.SUCCESS:
                self._failures_in_a_row = 0
                return 0, ""
            case SpansRejectedError() as error:
                # It answers, so it is worth trying again.
                self._failures_in_a_row = 0
                return error.rejected, str(error)
            case NotDeliveredError() as error:
                said = str(error)
            case Exception() as error:
                said = f"{type(error).__name__}: {error}"
            case _:
                said = self._log.last or "the exporter gave no reason"
        self._failures_in_a_row += 1
        return len(part), said

    def account(self, ended: int, late: int = 0) -> Delivery:
        """Say what became of the spans; those neither exported nor failed were dropped.

        Args:
            ended: Spans that ended.
            late: How many of them ended after tracing was closed.
        """
        with self._lock:
            dropped = max(0, ended - self._exported - self._failed)
            said = [self._error] if self._error else []
            if self._untried:
                said.append(f"{self._untried} not tried again after that")
            if dropped > late:
                said.append("the queue was full; raise OTEL_BSP_MAX_QUEUE_SIZE")
            if late:
                said.append(f"{late} ended after tracing was closed")
            return Delivery(self.name, self._exported, self._failed, dropped, "; ".join(said))

    def shutdown(self) -> None:
        """Shut the exporter down, unless it hangs."""
        if not self._hangs:
            self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Flush the exporter, unless it hangs."""
        return not self._hangs and self._exporter.force_flush(timeout_millis) is not False
