"""Log events that record an exception: some handlers write them instead of span events."""

from collections.abc import Callable, Mapping
from typing import Any

from opentelemetry._logs import Logger, LoggerProvider
from opentelemetry.trace import get_current_span

Recorded = Callable[[int], None]
"""Is told the id of the span that an exception was recorded for."""


class ExceptionLogs(LoggerProvider):
    """A logger provider that keeps nothing, and tells of exceptions.

    Args:
        recorded: Is told of each.
    """

    def __init__(self, recorded: Recorded) -> None:
        self._recorded = recorded

    def get_logger(self, name: str, *_: Any, **__: Any) -> Logger:
        """Return a logger, whatever it is for."""
        return _ExceptionLogger(name, self._recorded)


class _ExceptionLogger(Logger):
    def __init__(self, name: str, recorded: Recorded) -> None:
        super().__init__(name)
        self._recorded = recorded

    def enabled(self, *_: Any, **__: Any) -> bool:
        """Return True: every event is looked at."""
        return True

    def emit(self, record: Any = None, **fields: Any) -> None:
        """Take an event, given as a record or, by newer callers, field by field."""

        def of(field: str) -> Any:
            return fields.get(field, getattr(record, field, None))

        attributes: Mapping[str, Any] = of("attributes") or {}
        if of("exception") is None and "exception.type" not in attributes:
            return
        span = get_current_span(of("context")).get_span_context()
        self._recorded(of("span_id") or span.span_id)
