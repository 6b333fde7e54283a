"""The two log events of a call: its exception, and its content."""

import inspect
import traceback
from collections.abc import Mapping
from typing import Final

from opentelemetry._logs import Logger, LogRecord, SeverityNumber
from opentelemetry.context import Context
from opentelemetry.util.types import AnyValue

from parrot_callbacks import semconv
from parrot_callbacks.outcomes import error_type
from parrot_callbacks.redaction import redact_message

SUPPORTED: Final = "context" in inspect.signature(LogRecord).parameters
"""Whether this OpenTelemetry can attach an event to a span: from 1.36 on."""


def exception_attributes(error: BaseException) -> dict[str, str]:
    """Say what a model raised, without the keys that its message may repeat."""
    return {
        semconv.EXCEPTION_TYPE: error_type(error),
        semconv.EXCEPTION_MESSAGE: redact_message(str(error)),
        semconv.EXCEPTION_STACKTRACE: redact_message("".join(traceback.format_exception(error))),
    }


def emit_exception(logger: Logger, attributes: Mapping[str, str], context: Context) -> None:
    """Record an exception as a log event.

    Args:
        logger: Where to.
        attributes: What the model raised, from `exception_attributes`.
        context: With the chat span: the event belongs to it.
    """
    logger.emit(
        LogRecord(
            context=context,
            severity_number=SeverityNumber.WARN,
            event_name=semconv.EXCEPTION_EVENT,
            attributes=dict(attributes),
        )
    )


def emit_details(logger: Logger, attributes: Mapping[str, AnyValue], context: Context) -> None:
    """Record a call's messages, with what the span says of it, as a log event."""
    logger.emit(
        LogRecord(
            context=context,
            severity_number=SeverityNumber.INFO,
            event_name=semconv.DETAILS_EVENT,
            attributes=dict(attributes),
        )
    )
