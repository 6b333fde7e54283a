"""How a handler is attached, and in which context it is called."""

from functools import partial
from typing import Any

from langchain_core.runnables import RunnableLambda
from opentelemetry import baggage
from opentelemetry.context import _SUPPRESS_INSTRUMENTATION_KEY, attach, detach, set_value
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import (
    NonRecordingSpan,
    SpanContext,
    TraceFlags,
    get_current_span,
    set_span_in_context,
)

from parrot_callbacks.conformance.cells import Cell, in_flavours
from parrot_callbacks.conformance.flavours import NATIVE, SYNC, Flavour
from parrot_callbacks.conformance.scene import NotAvailableError, Scene
from parrot_callbacks.conformance.spans import Tree, is_of_handler

_REMOTE = SpanContext(
    trace_id=0x0AF7651916CD43DD8448EB211C80319C,
    span_id=0xB7AD6B7169203331,
    is_remote=True,
    trace_flags=TraceFlags(TraceFlags.SAMPLED),
)
_UNSAMPLED = SpanContext(_REMOTE.trace_id, _REMOTE.span_id, is_remote=True)


def cells() -> tuple[Cell, ...]:
    """Return the cells of handlers attached in several ways, in several contexts."""
    two = (SYNC, NATIVE)
    return (
        *in_flavours("handler on the model and in the config", partial(_again, 1), two),
        *in_flavours("two handlers attached", partial(_again, 2), two),
        *in_flavours("three handlers attached", partial(_again, 3), two),
        *in_flavours("two tracer providers", _two_providers, two),
        *in_flavours("suppressed instrumentation", _suppressed, two),
        *in_flavours("parent in another process", _remote_parent, two),
        *in_flavours("parent that is not sampled", _unsampled_parent, two),
    )


async def _again(times: int, scene: Scene, flavour: Flavour) -> None:
    """Attach the handler once more than needed, or others like it."""
    if not scene.callbacks:
        raise NotAvailableError("it instruments globally, and isn't attached to calls")
    if times > 1 and scene.make_callbacks is None:
        raise NotAvailableError("its factory instruments globally, too, and is called once")
    make = scene.make_callbacks or (lambda _: ())
    others = [one for _ in range(times - 1) for one in make(scene.provider)]
    model = scene.model(flavour.model, callbacks=list(scene.callbacks))
    config = {"callbacks": others or list(scene.callbacks)}
    with scene.user() as user, scene.unchanged():
        await flavour.invoke(model, "x", config)
        see = scene.reader()
        async for _ in flavour.stream(model, "x", config):
            see()
    scene.call(user)
    scene.call(user, streamed=True)


async def _two_providers(scene: Scene, flavour: Flavour) -> None:
    """Record with two providers: each has the call, below the same span."""
    if scene.make_callbacks is None:
        raise NotAvailableError("it instruments globally, for one tracer provider")
    second = TracerProvider(shutdown_on_exit=False)
    ended = InMemorySpanExporter()
    second.add_span_processor(SimpleSpanProcessor(ended))
    callbacks = [*scene.callbacks, *scene.make_callbacks(second)]
    model = scene.model(flavour.model)
    with scene.user() as user, scene.unchanged():
        await flavour.invoke(model, "x", {"callbacks": callbacks})
    scene.call(user, clients=())
    chats = Tree(ended.get_finished_spans()).chats
    expected, got = (
        user.get_span_context().span_id,
        {chat.above.span_id for chat in chats if chat.above},
    )
    scene.expect("one span", 1, len(chats))
    scene.expect("parent", "the same parent", "the same parent" if got == {expected} else "another")


async def _suppressed(scene: Scene, flavour: Flavour) -> None:
    # What opentelemetry.instrumentation.utils.suppress_instrumentation() does.
    suppressed = set_value("suppress_instrumentation", True)
    token = attach(set_value(_SUPPRESS_INSTRUMENTATION_KEY, True, suppressed))
    try:
        with scene.unchanged():
            model: Any = scene.model(flavour.model)
            await flavour.invoke(model, "x", scene.config)
            await flavour.invoke(RunnableLambda(str) | model, "x", scene.config)
            async for _ in flavour.stream(model, "x", scene.config):
                pass
    finally:
        detach(token)
    scene.expect_no_span()


async def _remote_parent(scene: Scene, flavour: Flavour) -> None:
    context = baggage.set_baggage("tenant", "blue")
    token = attach(set_span_in_context(NonRecordingSpan(_REMOTE), context))
    try:
        with scene.unchanged():
            await flavour.invoke(scene.model(flavour.model), "x", scene.config)
    finally:
        detach(token)
    scene.call(_REMOTE)
    for span, parent_context in scene.starts():
        if is_of_handler(span):
            got = baggage.get_baggage("tenant", parent_context)
            scene.expect(
                "parent", "baggage for processors", "baggage for processors" if got else "none"
            )


async def _unsampled_parent(scene: Scene, flavour: Flavour) -> None:
    traces: list[Any] = []
    model = scene.model(
        flavour.model, before=lambda: traces.append(get_current_span().get_span_context())
    )
    token = attach(set_span_in_context(NonRecordingSpan(_UNSAMPLED)))
    try:
        with scene.unchanged():
            await flavour.invoke(model, "x", scene.config)
    finally:
        detach(token)
    scene.expect_no_span()
    (inside,) = traces
    same = inside.trace_id == _UNSAMPLED.trace_id and not inside.trace_flags.sampled
    scene.expect("parent", "its trace, unsampled", "its trace, unsampled" if same else f"{inside}")
