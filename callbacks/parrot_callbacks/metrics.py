"""The five histograms of a call of a model, and on main the token counters."""

from collections.abc import Mapping

from opentelemetry.context import Context
from opentelemetry.metrics import Counter, Histogram, Meter
from opentelemetry.util.types import AttributeValue

from parrot_callbacks import semconv

# What the conventions allow on a metric beside operation, provider and model. The run's id,
# parameters and content would make a time series of every call.
_FROM_REPLY = (semconv.RESPONSE_MODEL, semconv.SERVER_ADDRESS, semconv.SERVER_PORT)


class CallMetrics:
    """Records the metrics of calls.

    Args:
        meter: Makes the instruments.
        latest: Use the names of main instead of the released ones.
    """

    def __init__(self, meter: Meter, *, latest: bool) -> None:
        self._latest = latest
        self._duration = _histogram(meter, semconv.DURATION, latest=latest)
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
        start: Mapping[str, AttributeValue],
        reply: Mapping[str, AttributeValue],
        context: Context,
    ) -> None:
        """Record the end of a call.

        Args:
            duration_s: Seconds from start to end.
            start: Operation, provider and model.
            reply: Attributes of the reply: usage, response model, error type.
            context: With the chat span, for exemplars.
        """
        common = _with_reply(start, reply)
        failure = reply.get(semconv.ERROR_TYPE)
        outcome = common if failure is None else {**common, semconv.ERROR_TYPE: failure}
        self._duration.record(duration_s, outcome, context)
        for attribute, direction, histogram in (
            (semconv.USAGE_INPUT, "input", self._input),
            (semconv.USAGE_OUTPUT, "output", self._output),
        ):
            tokens = reply.get(attribute)
            if isinstance(tokens, int):
                labels = common if self._latest else {**common, semconv.TOKEN_TYPE: direction}
                histogram.record(tokens, labels, context)
        if self._counters:
            self._count_tokens(common, reply, context)

    def record_first_chunk(
        self,
        seconds: float,
        start: Mapping[str, AttributeValue],
        reply: Mapping[str, AttributeValue],
        context: Context,
    ) -> None:
        """Record the time to first chunk of a stream, once it has ended."""
        self._first_chunk.record(seconds, _with_reply(start, reply), context)

    def record_next_chunk(self, seconds: float, start: Mapping[str, AttributeValue]) -> None:
        """Record the time between two chunks of a stream."""
        self._next_chunk.record(seconds, start)

    def _count_tokens(
        self,
        common: Mapping[str, AttributeValue],
        reply: Mapping[str, AttributeValue],
        context: Context,
    ) -> None:
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
                        counter.add(part, {**common, semconv.TOKEN_MODALITY: modality}, context)
            if rest:
                # LangChain doesn't say of what modality the others are, text most likely;
                # the conventions have a word for not knowing.
                counter.add(rest, {**common, semconv.TOKEN_MODALITY: "unknown"}, context)


def _with_reply(
    start: Mapping[str, AttributeValue], reply: Mapping[str, AttributeValue]
) -> dict[str, AttributeValue]:
    labels = dict(start)
    for name in _FROM_REPLY:
        value = reply.get(name)
        if value is not None:
            labels[name] = value
    return labels


def _histogram(meter: Meter, what: semconv.Instrument, *, latest: bool) -> Histogram:
    return meter.create_histogram(
        what.latest if latest else what.released,
        unit=what.unit,
        description=what.description,
        explicit_bucket_boundaries_advisory=what.boundaries,
    )
