"""Hearing what OpenTelemetry's exporters say, instead of printing it to a user's terminal."""

import logging
from typing import Final

_LOGGER: Final = "opentelemetry"
_MOST: Final = 8


class ExporterLog(logging.Handler):
    """Keeps the warnings of OpenTelemetry's loggers, and keeps them from being printed.

    Exporters return no reason with a failure; they log it. Retries of a collector that is
    away would print a warning each, traceback included, over the harness's own output.
    """

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._said: list[str] = []
        self.propagated = True

    @property
    def last(self) -> str:
        """What was said last, with what was said first: a retry's warning has the reason."""
        if len(self._said) > 1 and self._said[0] != self._said[-1]:
            return f"{self._said[-1]} ({self._said[0]})"
        return self._said[-1] if self._said else ""

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the message, on one line and without its traceback."""
        if len(self._said) < _MOST:
            self._said.append(" ".join(record.getMessage().split()))
        else:
            self._said[-1] = " ".join(record.getMessage().split())

    def forget(self) -> None:
        """Forget what was said so far."""
        self._said.clear()

    def open(self) -> None:
        """Listen, and keep the records to ourselves."""
        logger = logging.getLogger(_LOGGER)
        others = _listening(logger)
        self.propagated = others[0].propagated if others else logger.propagate
        logger.addHandler(self)
        logger.propagate = False

    def close(self) -> None:
        """Stop listening; the last one to do so lets the records be printed again."""
        logger = logging.getLogger(_LOGGER)
        if self in logger.handlers:
            logger.removeHandler(self)
            if not _listening(logger):
                logger.propagate = self.propagated
        super().close()


def _listening(logger: logging.Logger) -> list[ExporterLog]:
    return [handler for handler in logger.handlers if isinstance(handler, ExporterLog)]
