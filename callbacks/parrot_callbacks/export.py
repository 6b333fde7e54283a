"""Tracing for one run of the harness: a tracer provider, its exporters and their accounts."""

import os
from pathlib import Path
from typing import Final

from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter

from parrot_callbacks.delivery import AccountedExporter, Delivery, SpanCollector
from parrot_callbacks.exporters import (
    exporters_from_environment,
    otlp_exporter,
    without_user_info,
)
from parrot_callbacks.quiet import ExporterLog
from parrot_callbacks.span_file import SpanFileExporter, read_spans

QUEUE: Final = 2048
"""Smallest queue; also the SDK's default."""
BATCH: Final = 512
"""Spans in one request; also the SDK's default. Some collectors refuse more than 2,048."""
_NEVER_MS: Final = 24 * 3600 * 1000.0


class Tracing:
    """A tracer provider, and what became of its spans. Made by ``open_tracing``.

    Attributes:
        tracer_provider: The SDK's provider; OTEL_SERVICE_NAME, OTEL_RESOURCE_ATTRIBUTES,
            OTEL_TRACES_SAMPLER, OTEL_SDK_DISABLED and the span limits act on it.
    """

    def __init__(self, exporters: dict[str, SpanExporter], planned_spans: int) -> None:
        self._log = ExporterLog()
        self._collector = SpanCollector()
        self.tracer_provider = TracerProvider(shutdown_on_exit=False)
        self.tracer_provider.add_span_processor(self._collector)
        self._accounts: list[tuple[AccountedExporter, BatchSpanProcessor]] = []
        self._closed = False
        queue = _from_environment("OTEL_BSP_MAX_QUEUE_SIZE") or max(planned_spans, QUEUE)
        batch = _from_environment("OTEL_BSP_MAX_EXPORT_BATCH_SIZE")
        for name, exporter in exporters.items():
            account = AccountedExporter(name, exporter, batch or BATCH, self._log)
            processor = BatchSpanProcessor(
                account,
                max_queue_size=queue,
                # The processor's thread wakes at a full batch or after its delay, inside a
                # timed section if need be. Unless the user has asked for that, it sleeps
                # until flush(), and the account cuts the queue into requests.
                max_export_batch_size=min(batch or queue, queue),
                schedule_delay_millis=(_from_environment("OTEL_BSP_SCHEDULE_DELAY") or _NEVER_MS),
            )
            self._accounts.append((account, processor))
            self.tracer_provider.add_span_processor(processor)
        self._log.open()

    @property
    def started(self) -> int:
        """Spans that were started and are recorded."""
        return self._collector.started

    @property
    def ended(self) -> int:
        """Spans that have ended."""
        return self._collector.ended

    def take(self) -> list[ReadableSpan]:
        """Return the spans that ended since the last time, in the order of their ends."""
        return self._collector.take()

    def flush(self) -> bool:
        """Export everything that has ended. To be called between timed sections.

        Returns:
            False if any exporter has failed to deliver or dropped a span, now or earlier.
        """
        if not self._closed:
            for _, processor in self._accounts:
                processor.force_flush()
        return all(not delivery.failed and not delivery.dropped for delivery in self.deliveries())

    def close(self) -> None:
        """Export everything and shut down; repeating it does nothing."""
        if self._closed:
            return
        self.flush()
        self._closed = True
        self.tracer_provider.shutdown()
        self._log.close()

    def deliveries(self) -> list[Delivery]:
        """Say what became of the spans at each exporter; final after ``flush`` or ``close``."""
        return [account.account(self.ended) for account, _ in self._accounts]


def open_tracing(spans_path: Path | None, otlp: str = "", planned_spans: int = QUEUE) -> Tracing:
    """Open tracing for a run.

    Args:
        spans_path: File that gets all spans as OTLP/JSON lines; None for no file.
        otlp: Endpoint to send them to, such as ``http://127.0.0.1:4318``. If empty, the
            OTEL_* variables decide; without those, nothing is sent over the network.
        planned_spans: How many spans will come between two flushes; sizes the queue.

    Raises:
        MissingExtraError: An exporter or the encoder isn't installed.
        TracingError: The endpoint or OTEL_TRACES_EXPORTER makes no sense.
    """
    exporters: dict[str, SpanExporter] = {}
    if spans_path is not None:
        exporters[spans_path.name] = SpanFileExporter(spans_path)
    exporters.update(exporters_from_environment(otlp))
    return Tracing(exporters, planned_spans)


def send_spans(path: Path, otlp: str) -> Delivery:
    """Send the spans of a saved file to a collector.

    The OTEL_EXPORTER_OTLP_* variables for headers, compression, certificates, timeout and
    protocol act.

    Args:
        path: A file of OTLP/JSON lines.
        otlp: Endpoint such as ``http://127.0.0.1:4318``.

    Raises:
        MissingExtraError: The exporter isn't installed.
        TracingError: The endpoint isn't a URL, or the file isn't OTLP/JSON.
        OSError: The file can't be read.
    """
    log = ExporterLog()
    batch = _from_environment("OTEL_BSP_MAX_EXPORT_BATCH_SIZE") or BATCH
    account = AccountedExporter(f"otlp {without_user_info(otlp)}", otlp_exporter(otlp), batch, log)
    log.open()
    read = 0
    try:
        for spans in read_spans(path):
            read += len(spans)
            account.export(spans)
    finally:
        account.shutdown()
        log.close()
    return account.account(read)


def _from_environment(variable: str) -> int:
    """Read a positive number; 0 if it isn't set or isn't one."""
    value = os.environ.get(variable, "").strip()
    return int(value) if value.isdigit() else 0
