"""The metrics of runs: calls of models, and what is built round them."""

from collections.abc import Mapping
from typing import Final

from opentelemetry.context import Context
from opentelemetry.metrics import Counter, Histogram, Meter
from opentelemetry.trace import INVALID_SPAN, set_span_in_context
from opentelemetry.util.types import AttributeValue

from parrot_callbacks import semconv

Labels = dict[str, AttributeValue]

# Without a span in it. A record made in the context of a sampled span is kept as an exemplar,
# too: 9.9 µs instead of 8.2. Times carry the run's span, because a slow call is worth looking
# at; tokens and the times between chunks, the most frequent, do without. It isn't empty: for an
# empty context the SDK takes the current one, which in a guarded stream has the call's span.
_NO_SPAN: Final = set_span_in_context(INVALID_SPAN, Context())

# Attributes that tell series apart, by operation. The run's id, parameters and content would
# make a series of every run.
_LABELS: Final = {
    semconv.EXECUTE_TOOL: (semconv.TOOL_NAME, semconv.TOOL_TYPE, semconv.AGENT_NAME),
    semconv.INVOKE_AGENT: (semconv.AGENT_NAME,),
    semconv.INVOKE_WORKFLOW: (semconv.WORKFLOW_NAME,),
    semconv.RETRIEVAL: (semconv.OPERATION, semconv.PROVIDER),
}


class CallMetrics:
    """Records the metrics of calls of models.

    Args:
        meter: Makes the instruments.
        latest: Use the names of main instead of the released ones.

    Attributes:
        duration: The histogram of durations.
    """

    def __init__(self, meter: Meter, *, latest: bool) -> None:
        self._latest = latest
        self.duration = _histogram(meter, semconv.DURATION, latest=latest)
        self._first_chunk = _histogram(meter, semconv.TIME_TO_FIRST_CHUNK, latest=latest)
        self._next_chunk = _histogram(meter, semconv.TIME_PER_OUTPUT_CHUNK, latest=latest)
        self._input = _histogram(meter, semconv.INPUT_TOKENS, latest=latest)
        # The release has one histogram for both directions: asking a meter for the same
        # instrument twice makes the SDK warn.
        self._output = (
            _histogram(meter, semconv.OUTPUT_TOKENS, latest=True) if latest else self._input
        )
        self._counters: dict[str, Counter] = (
            {
                attribute: meter.create_counter(
                    name, unit="{token}", description="Tokens used by calls of models."
                )
                for attribute, name in semconv.USAGE_COUNTERS.items()
            }
            if latest
            else {}
        )

    def record_call(
        self,
        duration_s: float,
        first_chunk_s: float | None,
        start: Mapping[str, AttributeValue],
        reply: Mapping[str, AttributeValue],
        context: Context,
    ) -> None:
        """Record the end of a call.

        Args:
            duration_s: Seconds from start to end.
            first_chunk_s: Seconds from start to the first content of a stream; None if the
                reply didn't come in chunks.
            start: Operation, provider, model and server.
            reply: Attributes of the reply: usage, response model, error type.
            context: With the chat span, for exemplars.
        """
        labels = dict(start)
        model = reply.get(semconv.RESPONSE_MODEL)
        if model is not None:
            labels[semconv.RESPONSE_MODEL] = model
        failure = reply.get(semconv.ERROR_TYPE)
        self.duration.record(
            duration_s,
            labels if failure is None else {**labels, semconv.ERROR_TYPE: failure},
            context,
        )
        if first_chunk_s is not None:
            self._first_chunk.record(first_chunk_s, labels, context)
        tokens_in = reply.get(semconv.USAGE_INPUT)
        tokens_out = reply.get(semconv.USAGE_OUTPUT)
        labels_in = labels_out = labels
        if not self._latest:
            labels_in = {**labels, semconv.TOKEN_TYPE: "input"}
            labels_out = {**labels, semconv.TOKEN_TYPE: "output"}
        if isinstance(tokens_in, int):
            self._input.record(tokens_in, labels_in, _NO_SPAN)
        if isinstance(tokens_out, int):
            self._output.record(tokens_out, labels_out, _NO_SPAN)
        if self._counters:
            self._count_tokens(labels, reply)

    def record_next_chunk(self, seconds: float, start: Mapping[str, AttributeValue]) -> None:
        """Record the time between two chunks of a stream."""
        self._next_chunk.record(seconds, start, _NO_SPAN)

    def _count_tokens(self, labels: Labels, reply: Mapping[str, AttributeValue]) -> None:
        for attribute, counter in self._counters.items():
            total = reply.get(attribute)
            if not isinstance(total, int):
                continue
            rest = total
            if attribute in {semconv.USAGE_INPUT, semconv.USAGE_OUTPUT}:
                for modality in semconv.MODALITIES:
                    part = reply.get(attribute.replace("usage.", f"usage.{modality}."))
                    if isinstance(part, int) and 0 < part <= rest:
                        rest -= part
                        counter.add(part, {**labels, semconv.TOKEN_MODALITY: modality}, _NO_SPAN)
            if rest:
                # LangChain doesn't say of what modality the others are, text most likely;
                # the conventions have a word for not knowing.
                counter.add(rest, {**labels, semconv.TOKEN_MODALITY: "unknown"}, _NO_SPAN)


class RunMetrics:
    """Records the metrics of tools, retrievers, agents and workflows.

    The release names only the duration of retrievals, in the histogram that calls of models
    have there; all the others are on main.

    Args:
        meter: Makes the instruments.
        calls: The metrics of calls, for the histogram that they share.
        latest: Use the names of main instead of the released ones.
    """

    def __init__(self, meter: Meter, calls: CallMetrics, *, latest: bool) -> None:
        self._durations = {semconv.RETRIEVAL: calls.duration}
        self._inference_calls = self._tool_calls = None
        if latest:
            self._durations = {
                operation: _histogram(meter, what, latest=True)
                for operation, what in semconv.RUN_DURATIONS.items()
            }
            self._inference_calls = _histogram(meter, semconv.AGENT_INFERENCE_CALLS, latest=True)
            self._tool_calls = _histogram(meter, semconv.AGENT_TOOL_CALLS, latest=True)

    def record_run(
        self,
        duration_s: float,
        start: Mapping[str, AttributeValue],
        error_type: AttributeValue | None,
        context: Context,
    ) -> None:
        """Record the end of a run.

        Args:
            duration_s: Seconds from start to end.
            start: The attributes its span was started with.
            error_type: What it raised, if it failed.
            context: With the run's span, for exemplars.
        """
        operation = str(start[semconv.OPERATION])
        histogram = self._durations.get(operation)
        if histogram is None:
            return
        labels = {name: start[name] for name in _LABELS[operation] if name in start}
        if error_type is not None:
            labels[semconv.ERROR_TYPE] = error_type
        histogram.record(duration_s, labels, context)

    def record_agent(
        self, inference_calls: int, tool_calls: int, start: Mapping[str, AttributeValue]
    ) -> None:
        """Record how often an agent called models and tools in one run."""
        labels = {name: start[name] for name in (semconv.AGENT_NAME,) if name in start}
        for histogram, number in (
            (self._inference_calls, inference_calls),
            (self._tool_calls, tool_calls),
        ):
            if histogram is not None:
                histogram.record(number, labels, _NO_SPAN)


def _histogram(meter: Meter, what: semconv.Instrument, *, latest: bool) -> Histogram:
    return meter.create_histogram(
        what.latest if latest else what.released,
        unit=what.unit,
        description=what.description,
        explicit_bucket_boundaries_advisory=what.boundaries,
    )
