"""The spans of a test."""

from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from parrot_callbacks import semconv
from parrot_callbacks.instrumentor import LangChainInstrumentor


class Spans:
    """What LangChain ran during a test, as spans; made by the fixture ``parrot_spans``.

    Attributes:
        tracer_provider: For spans of the test's own.
    """

    def __init__(self) -> None:
        self._exporter = InMemorySpanExporter()
        self.tracer_provider = TracerProvider()
        self.tracer_provider.add_span_processor(SimpleSpanProcessor(self._exporter))

    @property
    def all(self) -> tuple[ReadableSpan, ...]:
        """Every span that has ended, in the order in which they ended."""
        return tuple(self._exporter.get_finished_spans())

    @property
    def chat(self) -> tuple[ReadableSpan, ...]:
        """Those of chat models."""
        return tuple(
            span for span in self.all if (span.attributes or {}).get(semconv.OPERATION) == "chat"
        )

    def clear(self) -> None:
        """Forget those that have ended."""
        self._exporter.clear()


@contextmanager
def recorded() -> Iterator[Spans]:
    """Record everything that LangChain runs for as long as the context lasts."""
    spans = Spans()
    instrumentor = LangChainInstrumentor()
    # An application may have instrumented itself: its provider is not ours to take spans from.
    resume = instrumentor.suspend()
    instrumentor.instrument(tracer_provider=spans.tracer_provider)
    try:
        yield spans
    finally:
        instrumentor.uninstrument()
        resume()
        spans.tracer_provider.shutdown()
