"""Counting spans without keeping them."""

import threading
from weakref import WeakSet

from opentelemetry.sdk.trace import ReadableSpan, Span

from parrot_callbacks.conformance.spans import is_chat, is_of_handler


class Census:
    """How many spans of the handler were started and ended, and which are still in memory.

    Attributes:
        started: How many were started.
        ended: How many of them have ended.
        chats: How many of these are of calls of a model.
        alive: Those that something still refers to.
    """

    def __init__(self) -> None:
        self.started = 0
        self.ended = 0
        self.chats = 0
        self.alive: WeakSet[Span] = WeakSet()
        self._lock = threading.Lock()

    @property
    def open(self) -> int:
        """How many have started and not ended."""
        return self.started - self.ended

    def start(self, span: Span) -> None:
        """Count a span at its start."""
        if is_of_handler(span):
            with self._lock:
                self.started += 1
                self.alive.add(span)

    def end(self, span: ReadableSpan) -> None:
        """Count a span at its end."""
        if is_of_handler(span):
            with self._lock:
                self.ended += 1
                self.chats += is_chat(span)
