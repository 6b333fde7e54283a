"""The least that tracing a call can cost: what every handler is divided by.

Two floors. The *minimal handler* is the least a LangChain handler can do: it starts a span,
sets eight attributes and ends it. The *bare span* is the same without LangChain. With metrics,
both make the histogram records that our handler makes, value by value and label by label. A
stream's chunks are records, too, which most handlers don't make: beside them stands a minimal
handler that makes the call's records only, or none.
"""

from time import perf_counter_ns
from typing import Any
from uuid import UUID

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.outputs import LLMResult
from opentelemetry.context import Context
from opentelemetry.metrics import Meter, MeterProvider
from opentelemetry.trace import (
    INVALID_SPAN,
    Span,
    SpanKind,
    Tracer,
    TracerProvider,
    set_span_in_context,
)

from parrot_callbacks import semconv

SCOPE = "floor"
# No exemplars, as ours makes none of tokens and of the times between chunks.
NO_SPAN = set_span_in_context(INVALID_SPAN, Context())


class Records:
    """The histogram records of a call.

    Args:
        meter: Makes the four histograms.
    """

    def __init__(self, meter: Meter) -> None:
        self._duration, self._first, self._next, self._tokens = (
            meter.create_histogram(
                what.released, what.unit, explicit_bucket_boundaries_advisory=what.boundaries
            )
            for what in (
                semconv.DURATION,
                semconv.TIME_TO_FIRST_CHUNK,
                semconv.TIME_PER_OUTPUT_CHUNK,
                semconv.INPUT_TOKENS,
            )
        )

    def call(self, seconds: float, labels: dict[str, Any], usage: Any, context: Context) -> None:
        """Record duration, input tokens and output tokens; the first with an exemplar."""
        self._duration.record(seconds, labels, context)
        sides = ("input", usage["input_tokens"]), ("output", usage["output_tokens"])
        for side, tokens in sides:
            self._tokens.record(tokens, {**labels, "gen_ai.token.type": side}, NO_SPAN)

    def first_chunk(self, seconds: float, labels: dict[str, Any], context: Context) -> None:
        """Record the time to first chunk."""
        self._first.record(seconds, labels, context)

    def next_chunk(self, seconds: float, labels: dict[str, Any]) -> None:
        """Record the time from one chunk to the next."""
        self._next.record(seconds, labels, NO_SPAN)


class MinimalHandler(BaseCallbackHandler):
    """Starts a span, sets eight attributes, ends it. No error, no parent, no missing value."""

    run_inline = True

    def __init__(self, provider: TracerProvider) -> None:
        self._tracer = provider.get_tracer(SCOPE)
        self._open: dict[UUID, Span] = {}

    def on_chat_model_start(
        self, serialized: Any, messages: Any, *, run_id: UUID, metadata: Any = None, **kwargs: Any
    ) -> None:
        params = kwargs["invocation_params"]
        name = params["model_name"]
        span = self._tracer.start_span(f"chat {name}", kind=SpanKind.CLIENT)
        span.set_attribute("gen_ai.operation.name", "chat")
        span.set_attribute("gen_ai.provider.name", metadata["ls_provider"])
        span.set_attribute("gen_ai.request.model", name)
        span.set_attribute("gen_ai.request.temperature", params["temperature"])
        self._open[run_id] = span

    def on_llm_end(self, response: LLMResult, *, run_id: UUID, **kwargs: Any) -> None:
        span = self._open.pop(run_id)
        describe_reply(span, response.generations[0][0].message)  # type: ignore[union-attr]
        span.end()


class MeteredMinimalHandler(MinimalHandler):
    """The same, and the histogram records."""

    def __init__(self, provider: TracerProvider, meter_provider: MeterProvider) -> None:
        super().__init__(provider)
        self._records = Records(meter_provider.get_meter(SCOPE))
        # Labels of the call, then perf_counter_ns at its start, first and latest chunk.
        self._calls: dict[UUID, tuple[dict[str, Any], list[int]]] = {}

    def on_chat_model_start(
        self, serialized: Any, messages: Any, *, run_id: UUID, metadata: Any = None, **kwargs: Any
    ) -> None:
        labels = {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": metadata["ls_provider"],
            "gen_ai.request.model": kwargs["invocation_params"]["model_name"],
        }
        self._calls[run_id] = labels, [perf_counter_ns()]
        super().on_chat_model_start(
            serialized, messages, run_id=run_id, metadata=metadata, **kwargs
        )

    def on_llm_new_token(self, token: Any, *, run_id: UUID, **kwargs: Any) -> None:
        labels, times = self._calls[run_id]
        now = perf_counter_ns()
        if len(times) == 1:
            times += [now, now]
            return
        self._records.next_chunk((now - times[2]) / 1e9, labels)
        times[2] = now

    def on_llm_end(self, response: LLMResult, *, run_id: UUID, **kwargs: Any) -> None:
        labels, times = self._calls.pop(run_id)
        seconds = (perf_counter_ns() - times[0]) / 1e9
        message: Any = response.generations[0][0].message  # type: ignore[union-attr]
        # A copy: older SDKs keep the labels of records they have already got.
        labels = {**labels, "gen_ai.response.model": message.response_metadata["model_name"]}
        context = set_span_in_context(self._open[run_id])
        self._records.call(seconds, labels, message.usage_metadata, context)
        if len(times) > 1:
            self._records.first_chunk((times[1] - times[0]) / 1e9, labels, context)
        super().on_llm_end(response, run_id=run_id, **kwargs)


class CallMeteredMinimalHandler(MeteredMinimalHandler):
    """The same without the records of a stream's chunks."""

    on_llm_new_token = BaseCallbackHandler.on_llm_new_token


def minimal_handler(
    tracer_provider: TracerProvider,
    meter_provider: MeterProvider | None = None,
    *,
    metered: type[MeteredMinimalHandler] = MeteredMinimalHandler,
) -> MinimalHandler:
    """Return the minimal handler, with metrics if there is a provider for them."""
    if meter_provider is None:
        return MinimalHandler(tracer_provider)
    return metered(tracer_provider, meter_provider)


def describe_reply(span: Span, message: Any) -> None:
    """Set the four attributes of a reply."""
    usage, metadata = message.usage_metadata, message.response_metadata
    span.set_attribute("gen_ai.usage.input_tokens", usage["input_tokens"])
    span.set_attribute("gen_ai.usage.output_tokens", usage["output_tokens"])
    span.set_attribute("gen_ai.response.model", metadata["model_name"])
    span.set_attribute("gen_ai.response.finish_reasons", [metadata["finish_reason"]])


def bare_span(tracer: Tracer, records: Records | None, chunks: int) -> None:
    """Start a span, set eight attributes and end it, as a call of so many chunks would.

    Args:
        tracer: Makes the span.
        records: Makes the histogram records of the call; None for no metrics.
        chunks: How many chunks the reply has; 0 if it is not streamed.
    """
    span = tracer.start_span("chat parrot", kind=SpanKind.CLIENT)
    span.set_attribute("gen_ai.operation.name", "chat")
    span.set_attribute("gen_ai.provider.name", "parrot")
    span.set_attribute("gen_ai.request.model", "parrot")
    span.set_attribute("gen_ai.request.temperature", 0.0)
    span.set_attribute("gen_ai.usage.input_tokens", 1)
    span.set_attribute("gen_ai.usage.output_tokens", 1)
    span.set_attribute("gen_ai.response.model", "parrot")
    span.set_attribute("gen_ai.response.finish_reasons", ["stop"])
    if records is not None:
        labels: dict[str, Any] = {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "parrot",
            "gen_ai.request.model": "parrot",
        }
        for _ in range(chunks - 1):
            records.next_chunk(1e-5, labels)
        labels = {**labels, "gen_ai.response.model": "parrot"}
        context = set_span_in_context(span)
        records.call(1e-4, labels, {"input_tokens": 1, "output_tokens": 1}, context)
        if chunks:
            records.first_chunk(1e-5, labels, context)
    span.end()
