"""What the body of a cell has at hand: models, spans of the user's, and what it expects."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from langchain_core.callbacks import BaseCallbackHandler
from opentelemetry.sdk.trace import ReadableSpan, Span, TracerProvider
from opentelemetry.trace import Span as ApiSpan
from opentelemetry.trace import SpanContext, get_current_span

from parrot_callbacks.conformance.echo import SyncEcho
from parrot_callbacks.conformance.expectations import Call
from parrot_callbacks.conformance.spans import CLIENT_SCOPE, USER_SCOPE, Tree, id_of, id_of_span

Echo = TypeVar("Echo", bound=SyncEcho)


class NotAvailableError(Exception):
    """A cell can't be performed with this handler; says why."""


@dataclass
class Scene:
    """One cell while it is performed.

    Attributes:
        provider: Makes all spans, the handler's among them.
        callbacks: What the handler attaches to a call; empty if it instruments globally.
        make_callbacks: Makes what it attaches once more, for the provider it is given.
        calls: What is expected of the spans.
        roots: How many traces of chains the calls are in, where the handler makes spans of
            chains; None if that isn't asked.
        findings: What was expected and what was there, for every check that the body made.
        skipped: Checks that aren't made here.
        unavailable: Why the handler that is judged can't be judged in this; empty if it can.
        fault: Is called with every span of the handler that starts, and may raise.
    """

    provider: TracerProvider
    callbacks: Sequence[BaseCallbackHandler] = ()
    make_callbacks: Callable[[TracerProvider], Sequence[BaseCallbackHandler]] | None = None
    calls: list[Call] = field(default_factory=list)
    roots: int | None = None
    findings: dict[str, list[str]] = field(default_factory=dict)
    skipped: set[str] = field(default_factory=set)
    fault: Callable[[Span], None] | None = None
    unavailable: str = ""
    _spans: list[Span] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.tracer = self.provider.get_tracer(USER_SCOPE)
        self._clients = self.provider.get_tracer(CLIENT_SCOPE)

    # -- what is called -----------------------------------------------------------------

    @property
    def config(self) -> dict[str, Any]:
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
        tree = self.tree()
        expected, got = _id(before), _id(now)
        self.expect(check, tree.name(expected), tree.name(got))
        if expected == got:
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

    def skip(self, *checks: str) -> None:
        """Leave checks out that mean nothing here."""
        self.skipped.update(checks)

    # -- what there is ------------------------------------------------------------------

    def started(self, span: Span) -> None:
        """Take note of a span."""
        with self._lock:
            self._spans.append(span)

    def spans(self) -> tuple[Span, ...]:
        """Return the spans that were started so far."""
        with self._lock:
            return tuple(self._spans)

    def tree(self) -> Tree:
        """Return them as a tree."""
        return Tree(self.spans())

    def named(self, name: str) -> list[ReadableSpan]:
        """Return the user's and clients' spans of this name."""
        return [span for span in self.spans() if span.name == name]


def _id(span: ApiSpan) -> int:
    return id_of(span.get_span_context())


def _identity(before: ApiSpan, now: ApiSpan) -> str:
    if now is before:
        return "the same object"
    return f"a {type(now).__name__} that stands for it"
