"""Hearing what is logged and warned while a cell is performed."""

import logging
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

LOGGERS: Final = ("opentelemetry", "langchain", "langgraph", "asyncio")
"""Beginnings of the names of loggers that have to be silent, besides the handler's own."""
_OF_OUR_OWN_DOING: Final = ("LangChainBetaWarning", "LangChainDeprecationWarning")
"""Categories of warnings about the modes that the suite calls."""


class _Listener(logging.Handler):
    def __init__(self, heard: list[str], loggers: tuple[str, ...]) -> None:
        super().__init__(logging.WARNING)
        self._heard = heard
        self._loggers = loggers

    def emit(self, record: logging.LogRecord) -> None:
        if record.name.startswith(self._loggers):
            self._heard.append(_line(f"{record.name}: {record.getMessage()}"))


@contextmanager
def heard(*loggers: str) -> Iterator[list[str]]:
    """Listen, and keep it from being printed.

    Warnings of Python, log records of ``LOGGERS`` and of those named, and exceptions that
    nobody could catch (in a finalizer, or in a thread) count.

    Args:
        loggers: Beginnings of further names.

    Yields:
        What was heard so far, a line each.
    """
    lines: list[str] = []
    names = (*LOGGERS, *loggers)
    listener = _Listener(lines, names)
    listened = [logging.getLogger(), *_loggers_that_keep_to_themselves(names)]
    hooks = sys.unraisablehook, threading.excepthook

    def unraisable(what: Any) -> None:
        lines.append(_line(f"{what.err_msg or 'exception ignored'}: {what.exc_value!r}"))

    def in_thread(what: Any) -> None:
        lines.append(_line(f"in a thread: {what.exc_value!r}"))

    # The last resort would print where no handler is set.
    quiet = logging.NullHandler()
    for logger in listened:
        logger.addHandler(listener)
        logger.addHandler(quiet)
    sys.unraisablehook, threading.excepthook = unraisable, in_thread
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            yield lines
            lines += [
                _line(f"{warning.category.__name__}: {warning.message}")
                for warning in caught
                if warning.category.__name__ not in _OF_OUR_OWN_DOING
            ]
    finally:
        sys.unraisablehook, threading.excepthook = hooks
        for logger in listened:
            logger.removeHandler(listener)
            logger.removeHandler(quiet)


def _line(text: str) -> str:
    return " ".join(text.split())


def _loggers_that_keep_to_themselves(names: tuple[str, ...]) -> list[logging.Logger]:
    known = list(logging.Logger.manager.loggerDict.items())
    return [
        logger
        for name, logger in known
        if isinstance(logger, logging.Logger) and not logger.propagate and name.startswith(names)
    ]
