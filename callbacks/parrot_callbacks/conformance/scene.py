"""What the body of a cell has at hand: models, spans of the user's, and what it expects."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.language_models import BaseLanguageModel
from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, Span, TracerProvider
from opentelemetry.trace import Span as ApiSpan
from opentelemetry.trace import SpanContext, StatusCode, get_current_span

from parrot_callbacks.conformance.census import Census
from parrot_callbacks.conformance.expectations import Call
from parrot_callbacks.conformance.spans import (
    CLIENT_SCOPE,
    USER_SCOPE,
    Tree,
    id_of,
    id_of_span,
    is_of_handler,
    scope_of,
)

Echo = TypeVar("Echo", bound=BaseLanguageModel[Any])


class NotAvailableError(Exception):
    """A cell can't be performed with this handler; says why."""


@dataclass
class Scene:
    """One cell while it is performed.

    Attributes:
        provider: Makes all spans, the handler's among them.
        callbacks: What the handler attaches to a call; empty if it instruments globally.
        make_callbacks: Makes callbacks once more, for the provider it is given; None if it can't.
        calls: What is expected of the spans.
        roots: How many traces of chains the calls are in, where the handler makes spans of
            chains; None if that isn't asked.
        findings: What was expected and what was there, for every check that the body made.
        skipped: Checks that aren't made here.
        asked: The only checks that are made here; None for all.
        unavailable: Why the handler that is judged can't be judged in this; empty if it can.
        tolerated: Parts of what may be logged: the cell itself is to blame for it.
        exceptions: Ids of spans for which an exception was recorded as a log event.
        fault: Is called at every "start" and "end" of a span of the handler, and may raise.
        census: Counts spans, where they aren't kept.
    """

    provider: TracerProvider
    callbacks: Sequence[BaseCallbackHandler] = ()
    make_callbacks: Callable[[TracerProvider], Sequence[BaseCallbackHandler]] | None = None
    calls: list[Call] = field(default_factory=list)
    roots: int | None = None
    findings: dict[str, list[str]] = field(default_factory=dict)
    skipped: set[str] = field(default_factory=set)
    asked: set[str] | None = None
    fault: Callable[[str, ReadableSpan], None] | None = None
    census: Census | None = None
    exceptions: list[int] = field(default_factory=list)
    unavailable: str = ""
    tolerated: list[str] = field(default_factory=list)
    _starts: list[tuple[Span, Context]] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.tracer = self.provider.get_tracer(USER_SCOPE)
        self._clients = self.provider.get_tracer(CLIENT_SCOPE)

    # -- what is called -----------------------------------------------------------------

    @property
    def config(self) -> Any:
        """The configuration of a call that the handler is to see."""
        return {"callbacks": list(self.callbacks)} if self.callbacks else {}

    def model(self, kind: type[Echo], **arguments: Any) -> Echo:
        """Make a model whose body makes a client span before the first chunk.

        Args:
            kind: The model's class.
            arguments: Of the model; ``before`` and others take the place of the client span.
        """
        return kind(**{"before": self.client("before"), **arguments})

    def client(self, name: str) -> Callable[[], None]:
        """Return what an HTTP instrumentation would do in a model's body: a span.

        Args:
            name: The span's name.
        """

        def request() -> None:
            with self._clients.start_as_current_span(name):
                pass

        return request

    # -- the part of the user -----------------------------------------------------------

    @contextmanager
    def user(self, name: str = "user") -> Iterator[ApiSpan]:
        """Make a span of the user's current."""
        with self.tracer.start_as_current_span(name) as span:
            yield span

    @contextmanager
    def unchanged(self) -> Iterator[None]:
        """Expect that the current span is afterwards what it was before."""
        before = get_current_span()
        yield
        self._compare_current("current span", before)

    def reader(self) -> Callable[[], None]:
        """Return what the reader of a stream does at every step: look at the current span."""
        before = get_current_span()

        def see() -> None:
            self._compare_current("consumer", before)

        return see

    def _compare_current(self, check: str, before: ApiSpan) -> None:
        now = get_current_span()
        self.expect_span(check, _id(before), _id(now))
        if _id(before) == _id(now):
            self.expect("same object", "the same object", _identity(before, now))

    # -- what is expected ---------------------------------------------------------------

    def expect(self, check: str, expected: object, got: object) -> None:
        """Compare; a difference fails the check, and the first one of a kind is told.

        Args:
            check: The check's name.
            expected: What has to be.
            got: What is.
        """
        found = self.findings.setdefault(check, [])
        if expected != got:
            message = f"expected {expected}, got {got}"
            if message not in found:
                found.append(message)

    def expect_at_most(self, check: str, most: int, got: int, what: str) -> None:
        """Expect no more of something than a number."""
        self.expect(
            check, f"at most {most} {what}", got if got > most else f"at most {most} {what}"
        )

    def expect_span(self, check: str, expected: int, got: int) -> None:
        """Compare the ids of spans; a difference is told by their names."""
        self.expect(check, *map(self._name_of if expected != got else str, (expected, got)))

    def _name_of(self, span_id: int) -> str:
        return self.tree().name(span_id)

    def call(self, above: ApiSpan | SpanContext | None = None, **what: Any) -> None:
        """Expect a call of a model.

        Args:
            above: The nearest span above it that isn't the handler's.
            what: See ``Call``.
        """
        context = above.get_span_context() if isinstance(above, ApiSpan) else above
        self.calls.append(Call(above=context, **what))

    def inside_a_step(self, span: ReadableSpan, above: ApiSpan) -> None:
        """Expect the right parent of a user's span that was made inside a chain, tool or node.

        That is the handler's span of it, where the handler makes such spans; else the span
        that was current around the chain.

        Args:
            span: The user's span.
            above: What was current around the chain.
        """
        tree = self.tree()
        found = id_of(span.parent)
        steps = {id_of_span(one): one.name for one in tree.others_of_handler}
        expected = "the span of the step it is in" if steps else tree.name(_id(above))
        right = found in steps if steps else found == _id(above)
        self.expect("user span", expected, expected if right else tree.name(found))

    def expect_ended(self) -> None:
        """Expect that by now every span of the handler has ended."""
        still_open = [span.name for span in self.tree().of_handler if span.end_time is None]
        self.expect("prompt", "no open span", ", ".join(still_open) or "no open span")

    def expect_child_of(self, user: ApiSpan) -> None:
        """Expect that a span of the user's that is made now is below another."""
        with self.user("next") as following:
            pass
        self.expect_span("user span", _id(user), id_of(getattr(following, "parent", None)))

    def expect_no_error(self) -> None:
        """Expect that no span of the handler says that something failed."""
        for span in self.tree().of_handler:
            failed = span.status.status_code is StatusCode.ERROR
            self.expect("outcome", "no error", f"one of {span.name!r}" if failed else "no error")

    def expect_no_span(self) -> None:
        """Expect that the handler makes no span."""
        self.expect("one span", 0, len(self.tree().of_handler))

    def calls_below(self, above: Sequence[ApiSpan]) -> int:
        """Return how many spans of calls are right below spans of the user's."""
        ids = set(map(_id, above))
        return sum(id_of(chat.above) in ids for chat in self.tree().chats)

    def skip(self, *checks: str) -> None:
        """Leave checks out that mean nothing here."""
        self.skipped.update(checks)

    # -- what there is ------------------------------------------------------------------

    def started(self, span: Span, parent_context: Context) -> None:
        """Take note of a span, and of the context that processors were shown."""
        if self.census is not None:
            self.census.start(span)
        else:
            with self._lock:
                self._starts.append((span, parent_context))
        if self.fault is not None and is_of_handler(span):
            self.fault("start", span)

    def ended(self, span: ReadableSpan) -> None:
        """Take note of a span's end."""
        if self.census is not None:
            self.census.end(span)
        if self.fault is not None and is_of_handler(span):
            self.fault("end", span)

    def count_only(self) -> Census:
        """Keep no span from now on, as that would keep what a handler has let go."""
        self.census = Census()
        return self.census

    def forget(self) -> None:
        """Forget all spans that were started so far but those of the user."""
        with self._lock:
            self._starts = [one for one in self._starts if scope_of(one[0]) == USER_SCOPE]

    def starts(self) -> tuple[tuple[Span, Context], ...]:
        """Return the spans that were started so far, each with that context."""
        with self._lock:
            return tuple(self._starts)

    def spans(self) -> tuple[Span, ...]:
        """Return the spans that were started so far."""
        return tuple(span for span, _ in self.starts())

    def tree(self) -> Tree:
        """Return them as a tree."""
        return Tree(self.spans(), self.exceptions)

    def named(self, name: str) -> list[ReadableSpan]:
        """Return the user's and clients' spans of this name."""
        return [span for span in self.spans() if span.name == name]


def _id(span: ApiSpan) -> int:
    return id_of(span.get_span_context())


def _identity(before: ApiSpan, now: ApiSpan) -> str:
    if now is before:
        return "the same object"
    return f"another for the same span, a {type(now).__name__}"
