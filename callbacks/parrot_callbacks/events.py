"""The two log events of a call: its exception, and its content."""

import inspect
import traceback
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from opentelemetry._logs import Logger, LogRecord, SeverityNumber
from opentelemetry.context import Context
from opentelemetry.util.types import AnyValue

from parrot_callbacks import semconv
from parrot_callbacks.outcomes import error_type
from parrot_callbacks.redaction import redact_text

SUPPORTED: Final = "context" in inspect.signature(LogRecord).parameters
"""Whether this OpenTelemetry can attach an event to a span: from 1.36 on."""


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
