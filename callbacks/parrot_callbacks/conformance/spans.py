"""The spans of one cell, seen as a tree; what a model's call has become in it."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanContext, StatusCode

from parrot_callbacks.conformance.dialects import Facts, dialect_of, read

USER_SCOPE: Final = "parrot_callbacks.conformance.user"
"""Scope of the spans that a cell makes in the part of the user."""
CLIENT_SCOPE: Final = "parrot_callbacks.conformance.client"
"""Scope of the spans that a model's body makes, in the part of an HTTP client."""


@dataclass(frozen=True)
class Chat:
    """A span of a call of a model, and where it stands.

    Attributes:
        span: The span.
        facts: What it says.
        above: Context of the nearest span above that isn't the handler's; None at a root.
        inside: Another call of a model is above it.
        root: Id of the handler's topmost span on the way to ``above``; 0 if there is none.
        flaw: What is wrong on the way up, in words.
        clients: Names of the client spans that are its children, sorted.
        exceptions: How often an exception was recorded for it, as an event of the span or a log.
    """

    span: ReadableSpan
    facts: Facts
    above: SpanContext | None
    inside: bool
    root: int
    flaw: str
    clients: tuple[str, ...]
    exceptions: int

    @property
    def status(self) -> str:
        """The span's status: unset, ok or error."""
        return _STATUS[self.span.status.status_code]


_STATUS: Final = {StatusCode.UNSET: "unset", StatusCode.OK: "ok", StatusCode.ERROR: "error"}


def id_of(context: SpanContext | None) -> int:
    """Return a span's id; 0 for none."""
    return context.span_id if context is not None and context.is_valid else 0


def id_of_span(span: ReadableSpan) -> int:
    """Return a span's id."""
    return id_of(span.get_span_context())


class Tree:
    """The spans that were started in one cell.

    Args:
        spans: In the order of their starts; open ones, too.
        exceptions: Ids of spans for which a log event records an exception.
    """

    def __init__(self, spans: Sequence[ReadableSpan], exceptions: Sequence[int] = ()) -> None:
        self.spans = tuple(spans)
        self._logged = Counter(exceptions)
        self._by_id = {id_of_span(span): span for span in self.spans}
        self._clients: dict[int, list[str]] = {}
        for span in self.spans:
            if scope_of(span) == CLIENT_SCOPE:
                self._clients.setdefault(id_of(span.parent), []).append(span.name)
        self.chats = tuple(self._find_chats())

    @property
    def of_handler(self) -> tuple[ReadableSpan, ...]:
        """The spans that the handler made."""
        return tuple(filter(is_of_handler, self.spans))

    @property
    def others_of_handler(self) -> tuple[ReadableSpan, ...]:
        """Those of them that are no calls of a model."""
        return tuple(span for span in self.of_handler if not is_chat(span))

    @property
    def clients(self) -> tuple[ReadableSpan, ...]:
        """The client spans that models made."""
        return tuple(span for span in self.spans if scope_of(span) == CLIENT_SCOPE)

    def parent(self, span: ReadableSpan) -> ReadableSpan | None:
        """Return a span's parent, if it is of this cell."""
        return self._by_id.get(id_of(span.parent))

    def path(self, span: ReadableSpan) -> Iterator[ReadableSpan]:
        """Go up from a span to the last one above it that is of this cell."""
        above = self.parent(span)
        while above is not None:
            yield above
            above = self.parent(above)

    def name(self, span_id: int) -> str:
        """Say which span has this id."""
        if not span_id:
            return "no span"
        span = self._by_id.get(span_id)
        if span is None:
            return f"span {span_id:016x}, which is none of this cell"
        return f"{span.name!r}"

    def _find_chats(self) -> Iterator[Chat]:
        for span in self.spans:
            dialect = dialect_of(span.attributes or {}) if is_of_handler(span) else None
            if dialect is None:
                continue
            above, root, flaw = self._way_up(span)
            yield Chat(
                span=span,
                facts=read(span.attributes or {}, dialect),
                above=above,
                inside=any(map(is_chat, self.path(span))),
                root=root,
                flaw=flaw,
                clients=tuple(sorted(self._clients.get(id_of_span(span), ()))),
                exceptions=sum(event.name == "exception" for event in span.events)
                + self._logged[id_of_span(span)],
            )

    def _way_up(self, span: ReadableSpan) -> tuple[SpanContext | None, int, str]:
        """Go up through the handler's spans: ``above``, ``root`` and ``flaw`` of a ``Chat``."""
        below, root, flaw = span, 0, ""
        while True:
            if below.parent is not None and _trace(below.parent) != _trace(below.context):
                flaw = f"{below.name!r} is in another trace than its parent"
            above = self.parent(below)
            if above is None or not is_of_handler(above):
                return below.parent, root, flaw
            if above.end_time is not None and above.end_time < (span.start_time or 0):
                flaw = f"its parent {above.name!r} had ended when it began"
            root = id_of_span(above)
            below = above


def scope_of(span: ReadableSpan) -> str:
    """Return the name of the instrumentation scope that made a span."""
    return span.instrumentation_scope.name if span.instrumentation_scope else ""


def is_of_handler(span: ReadableSpan) -> bool:
    """Whether neither the user nor a model's client made it."""
    return scope_of(span) not in {USER_SCOPE, CLIENT_SCOPE}


def is_chat(span: ReadableSpan) -> bool:
    """Whether it is a handler's span of a call of a model."""
    return is_of_handler(span) and dialect_of(span.attributes or {}) is not None


def _trace(context: SpanContext | None) -> int:
    return context.trace_id if context is not None else 0
