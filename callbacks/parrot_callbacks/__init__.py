"""LangChain runs as OpenTelemetry GenAI spans, metrics and events.

    from parrot_callbacks import OpenTelemetryCallbackHandler

    model.invoke("hello", config={"callbacks": [OpenTelemetryCallbackHandler()]})

Importing this loads langchain-core and OpenTelemetry, and nothing that only a benchmark
needs: the OTLP encoder and exporters are imported when they are asked for. The public names are
loaded at their first use (PEP 562): pytest loads a plug-in of this package at every start.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from parrot_callbacks.delivery import Delivery
    from parrot_callbacks.errors import MissingExtraError, TracingError
    from parrot_callbacks.export import Tracing, open_tracing, send_spans
    from parrot_callbacks.handler import OpenTelemetryCallbackHandler
    from parrot_callbacks.span_file import SpanFileExporter, read_spans

_HOME = {
    "Delivery": "delivery",
    "MissingExtraError": "errors",
    "OpenTelemetryCallbackHandler": "handler",
    "SpanFileExporter": "span_file",
    "Tracing": "export",
    "TracingError": "errors",
    "open_tracing": "export",
    "read_spans": "span_file",
    "send_spans": "export",
}

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


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*__all__]
