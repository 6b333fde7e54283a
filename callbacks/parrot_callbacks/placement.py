"""Where a span belongs: its parent, and what is current while a call is inside the model.

The parent is the span of LangChain's parent run if that is ours and open. The ambient span
goes before it only when it is known to descend from it, that is, when the current context was
made inside the body of a model whose run does. That is never guessed from times: a consumer's
span round the second step of a graph's stream came later, too.
"""

from collections.abc import Callable, Mapping
from contextvars import ContextVar
from functools import cache
from typing import Any, Final
from uuid import UUID

from opentelemetry.context import Context, create_key
from opentelemetry.trace import INVALID_SPAN, Span, set_span_in_context

from parrot_callbacks.context import current, make_current
from parrot_callbacks.delegate import DelegatingSpan, see_through
from parrot_callbacks.open_runs import OpenRun, OpenRuns
from parrot_callbacks.outcomes import CANCELLED

SPAN: Final = next(iter(set_span_in_context(INVALID_SPAN, Context())))
"""Context key: the current span. The API has no public name for it."""
INSIDE: Final = create_key("parrot-callbacks-inside")
"""Context key: the run whose model's body this context was made in."""


def span_in(context: Context) -> Span:
    """Return a context's current span, as ``get_current_span`` does at a third of the price.

    That function asks for the class of what it finds, which a stand-in answers in Python.
    """
    return context.get(SPAN, INVALID_SPAN)  # type: ignore[return-value]


def _with(context: Context, span: Span, enclosing: OpenRun | None) -> Context:
    """Return a context with another current span; one copy instead of two."""
    return Context({**context, SPAN: span, INSIDE: enclosing})


def run_above(runs: OpenRuns, parent_run_id: UUID | None) -> OpenRun | None:
    """Return the open run that a new run is below, as LangChain sees it.

    LangChain loses the parent run in places: ``with_fallbacks`` hands its models the config
    it got instead of the child's, and callbacks given to a call inside a chain start anew.
    The config in LangChain's own context variable still says which run this is inside of.
    """
    if parent_run_id is None:
        config = config_variable().get()
        if not config:
            return None
        parent_run_id = getattr(config.get("callbacks"), "parent_run_id", None)
    return runs.nearest(parent_run_id)


@cache
def config_variable() -> ContextVar[Any]:
    """Return LangChain's context variable of the config that runs inside a run get."""
    # Late: by the time something runs this is no import any more.
    from langchain_core.runnables.config import var_child_runnable_config  # noqa: PLC0415

    return var_child_runnable_config


def place(run: OpenRun, parent_run_id: UUID | None, context: Context) -> Context:
    """Find where the span of a new run belongs, and note it on the run.

    Args:
        run: The run: ``parent``, ``enclosing``, ``outer`` and ``outside`` are set.
        parent_run_id: LangChain's id of the run round it.
        context: The current context.

    Returns:
        What the span is to be started in. It is built on the current context, so that baggage
        reaches samplers and processors.
    """
    enclosing = None
    if context:
        context, enclosing = _surroundings(run, context)
        run.outside = context
    above = run_above(run.runs, parent_run_id)
    if above is not None and (enclosing is None or not enclosing.descends_from(above)):
        run.parent = above
        return set_span_in_context(above.span, context)
    run.parent = enclosing
    return context


def _surroundings(run: OpenRun, context: Context) -> tuple[Context, OpenRun | None]:
    """Note what is current round a new run; return it, and the run whose body it is."""
    enclosing: OpenRun | None = context.get(INSIDE)  # type: ignore[assignment]
    if (
        enclosing is not None
        and enclosing.in_other_tasks
        and not enclosing.ended
        and enclosing.key != run.key
        and enclosing.has_left()
    ):
        # An ainvoke that a timeout or a cancellation went through, without an event. Its
        # task goes on, so this is the first chance to end it.
        enclosing.finish(CANCELLED)
        context = current()
        enclosing = context.get(INSIDE)  # type: ignore[assignment]
    span: Span = context.get(SPAN, INVALID_SPAN)  # type: ignore[assignment]
    ambient = span
    if type(span) is DelegatingSpan:
        ambient = see_through(span)
    if enclosing is not None:
        if enclosing.key == run.key:
            # Another provider's handler has just started this very run: the same parent
            # serves both.
            ambient, enclosing = enclosing.outer, enclosing.enclosing
        enclosing = _open_one(enclosing, stale=ambient is not span)
        run.enclosing = enclosing
    if ambient is not span:
        context = _with(context, ambient, enclosing)
    run.outer = ambient
    return context, enclosing


def enclosing_run(context: Context) -> OpenRun | None:
    """Return the innermost open run in whose body a context was made."""
    enclosing: OpenRun | None = context.get(INSIDE)  # type: ignore[assignment]
    span = span_in(context)
    return _open_one(enclosing, stale=type(span) is DelegatingSpan and span.is_released)


def _open_one(run: OpenRun | None, *, stale: bool) -> OpenRun | None:
    while run is not None and (run.ended or (stale and not run.inside)):
        run = run.enclosing
    return run


def surround(run: OpenRun, context: Context) -> None:
    """Make the run's own span current, in a context that was copied for its body."""
    run.surrounds = True
    make_current(_with(context, run.span, run))


def enter(run: OpenRun, values: Callable[[], Mapping[str, object]] | None = None) -> None:
    """Make the run's span current, for as long as the call is inside the model.

    Args:
        run: The run; it has been placed.
        values: Makes more for the context of that time.
    """
    run.delegate = delegate = DelegatingSpan()
    delegate.inner_span = run.span
    delegate.outer_span = run.outer
    delegate.has_left = run.has_left if run.in_other_tasks else None
    within = Context({**run.outside, SPAN: delegate, INSIDE: run})
    if values is not None:
        within = Context({**within, **values()})
    run.within = within
    make_current(within)


def leave(run: OpenRun) -> None:
    """Let the span that was current before be current again; repeating it does nothing.

    Works from any task, thread or copy of the context. Where the stand-in is still the
    current span, the outer span itself takes its place, so that ``get_current_span()``
    is the same object as before. No token is kept and nothing is detached.
    """
    delegate = run.delegate
    if delegate is None:
        return
    run.delegate = None
    delegate.inner_span = None  # released
    context = current()
    if context is run.within:
        make_current(run.outside)
    elif span_in(context) is delegate:
        # The model's body has put something of its own into the context, baggage perhaps.
        make_current(_with(context, delegate.stands_for(), run.enclosing))
