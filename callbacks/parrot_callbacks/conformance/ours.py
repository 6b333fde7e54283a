"""Factories of our own handler and instrumentor."""

from typing import Any

from opentelemetry.sdk.trace import TracerProvider

from parrot_callbacks.handler import OpenTelemetryCallbackHandler


def handler(tracer_provider: TracerProvider) -> OpenTelemetryCallbackHandler:
    """Make the callback handler, alone."""
    return OpenTelemetryCallbackHandler(tracer_provider)


def instrumentor(tracer_provider: TracerProvider) -> Any:
    """Instrument LangChain; nothing is attached to calls."""
    # Late, so that the handler alone can be judged without what the instrumentor needs.
    from parrot_callbacks.instrumentor import LangChainInstrumentor  # noqa: PLC0415

    made = LangChainInstrumentor()
    made.instrument(tracer_provider=tracer_provider)
    return made


def both(tracer_provider: TracerProvider) -> list[Any]:
    """Instrument LangChain, and attach the callback handler as well."""
    return [instrumentor(tracer_provider), handler(tracer_provider)]
