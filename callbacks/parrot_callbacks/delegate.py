"""The delegating span: current while a call is inside the model, invisible afterwards.

A client span that a model's body makes, an HTTP request say, should be a child of the chat
span. For that the chat span must be current while the body runs, in every execution mode.
The usual way, attach a context and detach its token later, fails in LangChain: a call's
start and end run in different tasks, threads or copies of the context, where the token
can't be used, and a generator leaks what it attached into whoever consumes it.

So the state is kept in an object and not in the context variable. The span put into the
context is a stand-in: until its release it *is* the chat span, from then on it *is* the span
that was current before. Releasing it works from anywhere, also for copies of the context
made in between, and nothing has to be detached.
"""

from collections.abc import Callable, Mapping
from typing import Any

from opentelemetry.trace import INVALID_SPAN, Span, SpanContext, Status, StatusCode
from opentelemetry.util import types


class DelegatingSpan(Span):
    """Stands for one span until it is released, and for another from then on.

    It passes everything on, so that ``isinstance(span, ReadableSpan)`` and attributes of the
    SDK's span work for processors and log correlation that look at the parent. Ending is
    not passed on while it is open: the run's end belongs to the handler.

    It has no constructor, which CPython 3.11 leaves its own loop for: ``placement.enter`` makes
    it and fills it in.

    Attributes:
        inner_span: The span it stands for while the call is inside the model; None from its
            release on. Only the chat span is let go: it may hold content, and stale copies of
            the context may keep this object for long.
        outer_span: The span it stands for afterwards: the one that was current before.
        has_left: Says whether the call has silently left the model; see ``OpenRun.has_left``.
    """

    # Kept in slots, and read without __getattr__, so that copy and pickle, which make an
    # object before they fill it, can't recurse.
    __slots__ = ("has_left", "inner_span", "outer_span")
    inner_span: Span | None
    outer_span: Span
    has_left: Callable[[], bool] | None

    @property
    def is_released(self) -> bool:
        """Whether the call has left the model."""
        return self.inner_span is None or (self.has_left is not None and self.has_left())

    def stands_for(self) -> Span:
        """The span that it is at this moment; never a released delegate."""
        inner = self.inner_span
        if inner is not None and (self.has_left is None or not self.has_left()):
            return inner
        self.outer_span = outer = see_through(self.outer_span)
        return outer

    def __getattr__(self, name: str) -> Any:
        if name in DelegatingSpan.__slots__:
            raise AttributeError(name)
        return getattr(self.stands_for(), name)

    @property
    def __class__(self) -> type[Any]:
        try:
            return self.stands_for().__class__
        except AttributeError:
            return DelegatingSpan

    @__class__.setter
    def __class__(self, value: type[Any]) -> None:
        raise TypeError(f"the class of a {DelegatingSpan.__name__} can't be set to {value}")

    def get_span_context(self) -> SpanContext:
        """Return the context of the span it stands for."""
        return self.stands_for().get_span_context()

    def is_recording(self) -> bool:
        """Return whether the span it stands for records."""
        return self.stands_for().is_recording()

    def end(self, end_time: int | None = None) -> None:
        """End the outer span; while open nothing: the chat span's end is the handler's."""
        if self.is_released:
            self.stands_for().end(end_time)

    def set_attributes(self, attributes: Mapping[str, types.AttributeValue]) -> None:
        """Set attributes of the span it stands for."""
        self.stands_for().set_attributes(attributes)

    def set_attribute(self, key: str, value: types.AttributeValue) -> None:
        """Set an attribute of the span it stands for."""
        self.stands_for().set_attribute(key, value)

    def add_event(
        self, name: str, attributes: types.Attributes = None, timestamp: int | None = None
    ) -> None:
        """Add an event to the span it stands for."""
        self.stands_for().add_event(name, attributes, timestamp)

    def add_link(self, context: SpanContext, attributes: types.Attributes = None) -> None:
        """Add a link to the span it stands for."""
        self.stands_for().add_link(context, attributes)

    def update_name(self, name: str) -> None:
        """Rename the span it stands for."""
        self.stands_for().update_name(name)

    def set_status(self, status: Status | StatusCode, description: str | None = None) -> None:
        """Set the status of the span it stands for."""
        self.stands_for().set_status(status, description)

    def record_exception(
        self,
        exception: BaseException,
        attributes: types.Attributes = None,
        timestamp: int | None = None,
        escaped: bool = False,
    ) -> None:
        """Record an exception on the span it stands for."""
        self.stands_for().record_exception(exception, attributes, timestamp, escaped)


def see_through(span: Span) -> Span:
    """Look through released delegates, at most to the span behind them.

    An open one is returned as it is: it means a model that calls a model.
    """
    while type(span) is DelegatingSpan and span.is_released:
        try:
            span = span.outer_span
        except AttributeError:
            return INVALID_SPAN
    return span
