"""LangChain runs as OpenTelemetry GenAI spans, metrics and events.

    from parrot_callbacks import OpenTelemetryCallbackHandler

    model.invoke("hello", config={"callbacks": [OpenTelemetryCallbackHandler()]})

Importing this loads langchain-core and OpenTelemetry, and nothing that only a benchmark
needs: the OTLP encoder and exporters are imported when they are asked for.
"""

from parrot_callbacks.delivery import Delivery
from parrot_callbacks.errors import MissingExtraError, TracingError
from parrot_callbacks.export import Tracing, open_tracing, send_spans
from parrot_callbacks.handler import OpenTelemetryCallbackHandler
from parrot_callbacks.span_file import SpanFileExporter, read_spans

__all__ = [
    "Delivery",
    "MissingExtraError",
    "OpenTelemetryCallbackHandler",
    "SpanFileExporter",
    "Tracing",
    "TracingError",
    "open_tracing",
    "read_spans",
    "send_spans",
]
