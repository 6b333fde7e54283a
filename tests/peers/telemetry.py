"""The providers that one contender reports to, and a count of what arrives there."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

from parrot_bench.errors import MeasurementError


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What happens to telemetry while a call is timed.

    Attributes:
        batch: Spans go to the SDK's batch processor and an exporter that drops them; nowhere
            otherwise.
        metrics: Histograms are recorded, too, by a real meter provider.
    """

    batch: bool
    metrics: bool

    @property
    def name(self) -> str:
        """Such as ``batch processor, metrics``."""
        processor = "batch processor" if self.batch else "no-op processor"
        return f"{processor}, {'metrics' if self.metrics else 'no metrics'}"


SETTINGS = tuple(
    Setting(batch=batch, metrics=metrics) for metrics in (False, True) for batch in (False, True)
)


class _Counted(SpanProcessor):
    """Counts the spans that end; all it does, so that a span costs what the SDK costs."""

    def __init__(self) -> None:
        self._count = count()
        self._looks = 0

    def on_end(self, span: ReadableSpan) -> None:
        # One step of a counter is atomic, and a tenth of a lock.
        next(self._count)

    def so_far(self) -> int:
        ended = next(self._count) - self._looks
        self._looks += 1
        return ended


class _Dropped(SpanExporter):
    """Counts the spans that are exported, and drops them."""

    def __init__(self) -> None:
        self.spans = 0

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self.spans += len(spans)
        return SpanExportResult.SUCCESS


class Telemetry:
    """A tracer provider of a contender's own, so that each span says who made it.

    Args:
        setting: What becomes of spans and metrics.

    Attributes:
        setting: The same.
        tracer_provider: Makes the contender's spans.
    """

    def __init__(self, setting: Setting) -> None:
        self._counted = _Counted()
        self.setting = setting
        self.tracer_provider = TracerProvider(shutdown_on_exit=False)
        self.tracer_provider.add_span_processor(self._counted)
        self._dropped = _Dropped()
        if setting.batch:
            self.tracer_provider.add_span_processor(BatchSpanProcessor(self._dropped))

    @property
    def ended(self) -> int:
        """How many spans have ended."""
        return self._counted.so_far()

    @contextmanager
    def meter_provider(self) -> Iterator[MeterProvider | None]:
        """Give a new meter provider, or None where there are no metrics.

        New each time: an instrumentor that is switched on again makes its instruments again,
        and the SDK keeps every one of them.
        """
        if not self.setting.metrics:
            yield None
            return
        provider = MeterProvider([InMemoryMetricReader()], shutdown_on_exit=False)
        try:
            yield provider
        finally:
            provider.shutdown()

    def flush(self) -> None:
        """Export what is waiting, so that nobody pays for the spans of others."""
        self.tracer_provider.force_flush()

    def close(self) -> None:
        """Stop the exporting thread.

        Raises:
            MeasurementError: The batch processor has lost a span: its cost wasn't paid.
        """
        self.tracer_provider.shutdown()
        ended = self.ended
        if self.setting.batch and self._dropped.spans != ended:
            raise MeasurementError(
                f"{self._dropped.spans} of {ended} spans were exported; make the blocks shorter"
            )
