"""What the environment says about recording: read once, when a handler is made."""

import os
import warnings
from dataclasses import dataclass
from typing import Final

from opentelemetry.trace import Span

from parrot_callbacks import semconv

STABILITY_OPT_IN: Final = "OTEL_SEMCONV_STABILITY_OPT_IN"
CAPTURE_CONTENT: Final = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"


@dataclass(frozen=True, slots=True)
class ContentCapture:
    """Where messages are recorded; nowhere by default.

    Attributes:
        on_span: As attributes of the chat span.
        as_event: As a log event that carries the chat span's context.
    """

    on_span: bool = False
    as_event: bool = False

    def __bool__(self) -> bool:
        return self.on_span or self.as_event


_CAPTURE: Final = {
    "": ContentCapture(),
    "NO_CONTENT": ContentCapture(),
    "SPAN_ONLY": ContentCapture(on_span=True),
    "EVENT_ONLY": ContentCapture(as_event=True),
    "SPAN_AND_EVENT": ContentCapture(on_span=True, as_event=True),
}


def content_capture() -> ContentCapture:
    """Read OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT, in any case.

    Anything but its four values warns and means NO_CONTENT: content must never be recorded
    because of a typing error.
    """
    value = os.environ.get(CAPTURE_CONTENT, "").strip().upper()
    capture = _CAPTURE.get(value)
    if capture is None:
        allowed = ", ".join(name for name in _CAPTURE if name)
        warnings.warn(
            f"{CAPTURE_CONTENT}={value!r} is none of {allowed}; no content is recorded",
            stacklevel=3,
        )
        return ContentCapture()
    return capture


def latest_conventions() -> bool:
    """Whether OTEL_SEMCONV_STABILITY_OPT_IN asks for the names of main."""
    values = os.environ.get(STABILITY_OPT_IN, "").split(",")
    return semconv.LATEST_EXPERIMENTAL in (value.strip() for value in values)


def attribute_length_limit(span: Span) -> int | None:
    """Return the longest attribute value that the SDK won't cut, in characters; None for any.

    The limits that a span obeys are private to the SDK. Where they are somewhere else, those
    of the environment count: OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT or else
    OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT.
    """
    from opentelemetry.sdk.trace import SpanLimits  # noqa: PLC0415 - only content asks for it

    limits = getattr(span, "_limits", None)
    if not isinstance(limits, SpanLimits):
        limits = SpanLimits()
    return limits.max_span_attribute_length
