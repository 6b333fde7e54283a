"""Ctrl-C and SIGTERM as a request to stop, so that nothing measured is lost."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Self


class Interrupts:
    """Turns the first Ctrl-C or SIGTERM into a request to stop; a second Ctrl-C is as usual."""

    def __init__(self) -> None:
        self.requested = ""
        self._previous: dict[int, Any] = {}

    def __call__(self) -> bool:
        """Whether somebody asked to stop."""
        return bool(self.requested)

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._previous[number] = signal.signal(number, self._request)
        return self

    @contextmanager
    def as_usual(self) -> Iterator[None]:
        """Let the first of them end what waits for somebody at the keyboard."""
        for number in self._previous:
            signal.signal(number, signal.default_int_handler)
        try:
            yield
        finally:
            for number in self._previous:
                signal.signal(number, self._request)

    def _request(self, number: int, _frame: FrameType | None) -> None:
        if self.requested:
            raise KeyboardInterrupt
        self.requested = "Ctrl-C" if number == signal.SIGINT else "SIGTERM"

    def __exit__(self, *_: object) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)
