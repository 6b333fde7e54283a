"""Tracing for one run of the harness: a tracer provider, its exporters and their accounts."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter

from parrot_callbacks.delivery import LIMIT_S, AccountedExporter, Delivery, SpanCollector
from parrot_callbacks.errors import TracingError
from parrot_callbacks.exporters import (
    check_exporters,
    exporters_from_environment,
    otlp_exporter,
    shown_endpoint,
)
from parrot_callbacks.quiet import ExporterLog
from parrot_callbacks.span_file import MalformedLine, SpanFileExporter, read_spans

QUEUE: Final = 2048
"""Smallest queue; also the SDK's default."""
BATCH: Final = 512
"""Spans in one request; also the SDK's default. Some collectors refuse more than 2,048."""
_ALL_SAMPLED: Final = {"", "always_on", "parentbased_always_on"}
_NEVER_MS: Final = 24 * 3600 * 1000.0


class Tracing:
    """A tracer provider, and what became of its spans. Made by ``open_tracing``.

    Attributes:
        tracer_provider: The SDK's provider; OTEL_SERVICE_NAME, OTEL_RESOURCE_ATTRIBUTES,
            OTEL_TRACES_SAMPLER, OTEL_SDK_DISABLED and the span limits act on it.
    """

    def __init__(
        self,
        exporters: dict[str, SpanExporter],
        planned_spans: int,
        resource: Mapping[str, str | int] = MappingProxyType({}),
    ) -> None:
        self._log = ExporterLog()
        self._collector = SpanCollector()
        self.tracer_provider = TracerProvider(
            resource=run_resource().merge(Resource(dict(resource))), shutdown_on_exit=False
        )
        self.tracer_provider.add_span_processor(self._collector)
        self._accounts: list[tuple[AccountedExporter, BatchSpanProcessor]] = []
        self._closed = False
        bsp = BatchSettings.from_environment()
        queue = bsp.queue or max(planned_spans, QUEUE)
        for name, exporter in exporters.items():
            account = AccountedExporter(
                name, exporter, bsp.batch or BATCH, self._log, bsp.limit_ms / 1000
            )
            processor = BatchSpanProcessor(
                account,
                max_queue_size=queue,
                # The processor's thread wakes at a full batch or after its delay, inside a
                # timed section if need be. Unless the user has asked for that, it sleeps
                # until flush(), and the account cuts the queue into requests.
                max_export_batch_size=min(bsp.batch or queue, queue),
                schedule_delay_millis=bsp.delay_ms or _NEVER_MS,
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
        late = self._collector.late
        return [account.account(self.ended, late) for account, _ in self._accounts]


def open_tracing(
    spans_path: Path | None,
    otlp: str = "",
    planned_spans: int = QUEUE,
    resource: Mapping[str, str | int] = MappingProxyType({}),
) -> Tracing:
    """Open tracing for a run.

    Args:
        spans_path: File that gets all spans as OTLP/JSON lines; None for no file.
        otlp: Endpoint to send them to, such as ``http://127.0.0.1:4318``. If empty, the
            OTEL_* variables decide; without those, nothing is sent over the network.
        planned_spans: How many spans will come between two flushes; sizes the queue.
        resource: Attributes of the resource, over those of the OTEL_* variables.

    Raises:
        MissingExtraError: An exporter or the encoder isn't installed.
        TracingError: The endpoint or OTEL_TRACES_EXPORTER makes no sense.
    """
    exporters: dict[str, SpanExporter] = {}
    if spans_path is not None:
        exporters[spans_path.name] = SpanFileExporter(spans_path)
    exporters.update(exporters_from_environment(otlp))
    return Tracing(exporters, planned_spans, resource)


def run_resource() -> Resource:
    """The resource of OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES, never a service unknown."""
    resource = Resource.create()
    if str(resource.attributes.get(SERVICE_NAME, "")).startswith("unknown_service"):
        return resource.merge(Resource({SERVICE_NAME: "parrot-bench"}))
    return resource


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of a saved file's spans.

    Attributes:
        delivery: Of the spans that could be read.
        read: How many those are.
        malformed: The lines that could not be read.
    """

    delivery: Delivery
    read: int
    malformed: tuple[MalformedLine, ...]


def send_spans(path: Path, otlp: str) -> Sent:
    """Send the spans of a saved file to a collector, their ids unchanged.

    The OTEL_EXPORTER_OTLP_* variables for headers, compression, certificates, timeout and
    protocol act. A line that can't be read is passed over and told of.

    Args:
        path: A file of OTLP/JSON lines, plain or gzip.
        otlp: Endpoint such as ``http://127.0.0.1:4318``.

    Raises:
        MissingExtraError: The exporter isn't installed.
        TracingError: The endpoint isn't a URL, or another variable makes no sense.
        OSError: The file can't be read.
    """
    bsp = BatchSettings.from_environment()
    log = ExporterLog()
    # Nobody waits for a measurement here, and MLflow's first answer took more than five seconds.
    exporter = otlp_exporter(otlp, timeout_s=None)
    batch = bsp.batch or BATCH
    account = AccountedExporter(
        f"otlp {shown_endpoint(otlp)}", exporter, batch, log, bsp.limit_ms / 1000
    )
    malformed: list[MalformedLine] = []
    read = 0
    pending: list[ReadableSpan] = []
    log.open()
    try:
        for spans in read_spans(path, malformed):
            read += len(spans)
            pending += spans
            # A line may hold one span; requests are filled from several.
            if len(pending) >= batch:
                full = len(pending) // batch * batch
                account.export(pending[:full])
                del pending[:full]
        account.export(pending)
    finally:
        account.shutdown()
        log.close()
    return Sent(account.account(read), read, tuple(malformed))


@dataclass(frozen=True, slots=True)
class BatchSettings:
    """The OTEL_BSP_* variables; 0 for what isn't set.

    Attributes:
        queue: Longest queue, in spans.
        batch: Most spans in one request.
        delay_ms: Time between two exports, milliseconds.
        limit_ms: Longest time for one request, milliseconds.
    """

    queue: int
    batch: int
    delay_ms: int
    limit_ms: int

    @classmethod
    def from_environment(cls) -> "BatchSettings":
        """Read them.

        Raises:
            TracingError: One of them is no whole number above 0.
        """
        return cls(
            queue=_positive("OTEL_BSP_MAX_QUEUE_SIZE"),
            batch=_positive("OTEL_BSP_MAX_EXPORT_BATCH_SIZE"),
            delay_ms=_positive("OTEL_BSP_SCHEDULE_DELAY"),
            limit_ms=_positive("OTEL_BSP_EXPORT_TIMEOUT") or int(LIMIT_S * 1000),
        )


def spans_left_out_by() -> str:
    """Name the variable by which the user leaves spans out; "" when every span is recorded."""
    if os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return "OTEL_SDK_DISABLED=true"
    sampler = os.environ.get("OTEL_TRACES_SAMPLER", "").strip().lower()
    return f"OTEL_TRACES_SAMPLER={sampler}" if sampler not in _ALL_SAMPLED else ""


def check_export(otlp: str) -> None:
    """Refuse what `open_tracing` would refuse, before anything is measured; nothing is sent.

    Raises:
        MissingExtraError: As there.
        TracingError: As there.
    """
    BatchSettings.from_environment()
    check_exporters(otlp)


def _positive(variable: str) -> int:
    value = os.environ.get(variable, "").strip()
    if not value:
        return 0
    if not (value.isascii() and value.isdigit() and int(value)):
        raise TracingError(f"{variable}={value!r} is not a whole number above 0; correct or unset")
    return int(value)
