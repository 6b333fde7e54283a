"""What a handler records of one call: a low price for little isn't a low price."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import HistogramDataPoint, InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from parrot_bench.errors import MeasurementError
from parrot_bench.execution import CallSettings, drain
from tests.peers.contenders import Factory, Timers, switched_on
from tests.peers.paths import MODEL, Path

SECRET = "nobody may read this"


@dataclass(frozen=True, kw_only=True)
class Footprint:
    """What one call left behind.

    Attributes:
        spans: How many spans.
        attributes: Names of all their attributes.
        records: Histogram to the attribute names and the number of its records.
        exemplars: Histograms that keep a sample of records with the span they are of.
    """

    spans: int
    attributes: tuple[str, ...]
    records: dict[str, dict[tuple[str, ...], int]]
    exemplars: set[str]

    @property
    def record_count(self) -> int:
        """Histogram records in all."""
        return sum(sum(points.values()) for points in self.records.values())


def footprint(name: str, factory: Factory, path: Path, clocks: Timers) -> Footprint:
    """Make one call and look at what was recorded.

    Raises:
        MeasurementError: The prompt or the reply is in a span: content capture isn't off.
    """
    exporter, reader = InMemorySpanExporter(), InMemoryMetricReader()
    tracer_provider = TracerProvider(shutdown_on_exit=False)
    tracer_provider.add_span_processor(SimpleSpanProcessor(exporter))
    meter_provider = MeterProvider([reader], shutdown_on_exit=False)
    with switched_on(factory, tracer_provider, meter_provider) as config:
        # As long as the path's own prompt: every chunk may be a record.
        prompt = SECRET.ljust(path.chunks - 1, ".")
        call = path.mode.bind(MODEL, CallSettings(config=config), drain)
        clocks[path.mode.kind].once(call, [prompt] if path.mode.batches else prompt)
    spans = exporter.get_finished_spans()
    if SECRET in "".join(span.to_json() for span in spans):
        raise MeasurementError(f"{name} recorded the prompt; its content capture is to be off")
    points = list(_points(reader))
    meter_provider.shutdown()
    records: dict[str, dict[tuple[str, ...], int]] = {}
    for histogram, point in points:
        counts = records.setdefault(histogram, {})
        labels = tuple(sorted(point.attributes or ()))
        counts[labels] = counts.get(labels, 0) + point.count
    return Footprint(
        spans=len(spans),
        attributes=tuple(sorted(key for span in spans for key in span.attributes or ())),
        records=records,
        exemplars={histogram for histogram, point in points if point.exemplars},
    )


def _points(reader: InMemoryMetricReader) -> Iterator[tuple[str, HistogramDataPoint]]:
    """Yield what every histogram holds, with its name."""
    data: Any = reader.get_metrics_data()
    for resource in data.resource_metrics if data else ():
        for scope in resource.scope_metrics:
            for metric in scope.metrics:
                for point in metric.data.data_points:
                    if isinstance(point, HistogramDataPoint):
                        yield metric.name, point
