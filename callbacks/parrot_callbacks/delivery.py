"""What becomes of spans: counted at the source, and accounted for at every exporter.

The SDK's batch processor drops the oldest spans when its queue is full, ignores failed
exports, and its ``force_flush`` returns True regardless: 6,224 of 20,000 spans were lost that
way without a word. So everything is counted here, and what doesn't add up is reported.
"""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from parrot_callbacks.quiet import ExporterLog

PATIENCE: Final = 2
"""Failures in a row after which an exporter isn't tried again: a collector that is away
costs its timeout each time."""


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
                self._kept.append(span)

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
    """

    def __init__(self, name: str, exporter: SpanExporter, batch: int, log: ExporterLog) -> None:
        self.name = name
        self._exporter = exporter
        self._batch = batch
        self._log = log
        self._lock = threading.Lock()
        self._exported = 0
        self._failed = 0
        self._failures_in_a_row = 0
        self._error = ""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Export what the batch processor hands over, and count the results."""
        result = SpanExportResult.SUCCESS
        for start in range(0, len(spans), self._batch):
            part = spans[start : start + self._batch]
            error = self._export_part(part)
            with self._lock:
                if error is None:
                    self._exported += len(part)
                    self._failures_in_a_row = 0
                else:
                    result = SpanExportResult.FAILURE
                    self._failed += len(part)
                    self._failures_in_a_row += 1
                    self._error = error or self._error or "the exporter gave no reason"
        return result

    def _export_part(self, part: Sequence[ReadableSpan]) -> str | None:
        """Export one request; return what went wrong, or None."""
        if self._failures_in_a_row >= PATIENCE:
            return ""
        self._log.forget()
        try:
            result = self._exporter.export(part)
        except Exception as error:  # noqa: BLE001 - any exporter may be behind this
            return f"{type(error).__name__}: {error}"
        return None if result is SpanExportResult.SUCCESS else self._log.last

    def account(self, ended: int) -> Delivery:
        """Say what became of the spans; those neither exported nor failed were dropped."""
        with self._lock:
            dropped = max(0, ended - self._exported - self._failed)
            error = self._error
            if dropped and not error:
                error = "the queue was full; raise OTEL_BSP_MAX_QUEUE_SIZE"
            return Delivery(self.name, self._exported, self._failed, dropped, error)

    def shutdown(self) -> None:
        """Shut the exporter down."""
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Flush the exporter."""
        return self._exporter.force_flush(timeout_millis) is not False
