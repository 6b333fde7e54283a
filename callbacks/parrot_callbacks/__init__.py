"""LangChain runs as OpenTelemetry GenAI spans, metrics and events.

    from parrot_callbacks import OpenTelemetryCallbackHandler

    model.invoke("hello", config={"callbacks": [OpenTelemetryCallbackHandler()]})

or, for everything that LangChain runs in this process:

    from parrot_callbacks import LangChainInstrumentor

    LangChainInstrumentor().instrument()

Every name is imported when it is first asked for (PEP 562). The handler loads LangChain's
callbacks and the API of OpenTelemetry, and nothing that only a benchmark needs.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from parrot_callbacks.delivery import Delivery
    from parrot_callbacks.errors import MissingExtraError, TracingError
    from parrot_callbacks.export import Tracing, open_tracing, send_spans
    from parrot_callbacks.handler import OpenTelemetryCallbackHandler
    from parrot_callbacks.instrumentor import LangChainInstrumentor
    from parrot_callbacks.span_file import SpanFileExporter, read_spans

_HOME = {
    "Delivery": "delivery",
    "LangChainInstrumentor": "instrumentor",
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
    "LangChainInstrumentor",
    "MissingExtraError",
    "OpenTelemetryCallbackHandler",
    "SpanFileExporter",
    "Tracing",
    "TracingError",
    "open_tracing",
    "read_spans",
    "send_spans",
]


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*__all__]
