"""The two log events of a call: its exception, and its content."""

import inspect
import time
import traceback
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from opentelemetry._logs import Logger, LogRecord, SeverityNumber
from opentelemetry.context import Context
from opentelemetry.sdk import _logs
from opentelemetry.util.types import AnyValue

from parrot_callbacks import semconv
from parrot_callbacks.outcomes import error_type
from parrot_callbacks.redaction import redact_text

SUPPORTED: Final = "context" in inspect.signature(LogRecord).parameters
"""Whether this OpenTelemetry can attach an event to a span: from 1.36 on."""
_BY_KEYWORDS: Final = "event_name" in inspect.signature(Logger.emit).parameters
"""Whether a logger makes its records itself: from 1.38 on."""


def exception_attributes(error: BaseException, given: Iterable[object] = ()) -> dict[str, str]:
    """Say what a run raised, without keys and without content that its message may repeat.

    Args:
        error: What was raised; its causes stand in the stack trace.
        given: What the run was given and has answered.
    """
    # Late: a failure is rare, and this knows all of LangChain's containers of content.
    from parrot_callbacks.withholding import without_content  # noqa: PLC0415

    given = [*given, *_content_of(error)]
    return {
        semconv.EXCEPTION_TYPE: error_type(error),
        semconv.EXCEPTION_MESSAGE: redact_text(without_content(_said(error), given)),
        semconv.EXCEPTION_STACKTRACE: redact_text(
            "".join(
                # A frame shows lines of a program; only a whole text in it is content.
                without_content(part, given, fragments=not part.startswith("  File "))
                for part in traceback.format_exception(error)
            )
        ),
    }


def _said(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:  # noqa: BLE001 - the exception is somebody else's, and so is its __str__
        return f"<{type(error).__name__} that can't be printed>"


def _content_of(error: BaseException) -> Iterator[object]:
    """Yield what an exception and its causes carry of a reply, as output parsers do."""
    seen: set[int] = set()
    above: BaseException | None = error
    while above is not None and id(above) not in seen:
        seen.add(id(above))
        for name in ("llm_output", "observation", "doc"):
            yield getattr(above, name, None)
        above = above.__cause__ or above.__context__


def emit_exception(logger: Logger, attributes: Mapping[str, str], context: Context) -> None:
    """Record an exception as a log event.

    Args:
        logger: Where to.
        attributes: What the model raised, from `exception_attributes`.
        context: With the chat span: the event belongs to it.
    """
    _emit(logger, semconv.EXCEPTION_EVENT, SeverityNumber.WARN, attributes, context)


def emit_details(logger: Logger, attributes: Mapping[str, AnyValue], context: Context) -> None:
    """Record a call's messages, with what the span says of it, as a log event."""
    _emit(logger, semconv.DETAILS_EVENT, SeverityNumber.INFO, attributes, context)


def _emit(
    logger: Logger,
    name: str,
    severity: SeverityNumber,
    attributes: Mapping[str, AnyValue],
    context: Context,
) -> None:
    emit: Any = logger.emit
    event: dict[str, Any] = {
        "timestamp": time.time_ns(),
        "context": context,
        "severity_number": severity,
        "event_name": name,
        "attributes": dict(attributes),
    }
    if _BY_KEYWORDS:
        emit(**event)
        return
    # SDK 1.36 passes a record on as it is, and its exporters fail with one of the API's; SDK 1.37
    # turns it into its own, and warns of that.
    resource = getattr(logger, "resource", None)
    if resource is None:
        emit(LogRecord(**event))
    else:
        sdk: Any = _logs  # its LogRecord is gone from 1.39 on
        emit(sdk.LogRecord(**event, resource=resource))
