"""Calls inside calls, and spans of the user's inside chains, tools and generators."""

from collections.abc import AsyncIterator, Iterator
from functools import partial
from typing import Any

from langchain_core.runnables import RunnableGenerator, RunnableLambda
from langchain_core.tools import StructuredTool
from opentelemetry.trace import Span

from parrot_callbacks.conformance.cells import Cell, in_flavours
from parrot_callbacks.conformance.echo import AsyncEcho, nothing
from parrot_callbacks.conformance.flavours import NATIVE, SYNC, Flavour, drive
from parrot_callbacks.conformance.graphs import STATE, graph_of, langgraph_unavailable
from parrot_callbacks.conformance.scene import Scene
from parrot_callbacks.conformance.spans import id_of

_ARGUMENTS: dict[str, Any] = {"text": "x"}


def cells() -> tuple[Cell, ...]:
    """Return the cells of nested calls."""
    both = (SYNC, NATIVE)
    return (
        *(
            cell
            for streamed in (False, True)
            for chained in (False, True)
            for cell in _nested(chained, streamed)
        ),
        *in_flavours("user's span in a tool", _in_a_tool, both),
        *in_flavours("user's span in a generator", _in_a_generator, both),
        *in_flavours("user's span round a chain in a step", _chain_in_a_step, both),
        *in_flavours(
            "reader's span round the 2nd step of a graph",
            _reader_of_a_graph,
            both,
            unavailable=langgraph_unavailable(),
        ),
    )


def _nested(chained: bool, streamed: bool) -> tuple[Cell, ...]:
    model = "model in a chain" if chained else "model"
    how = ", streamed" if streamed else ""
    return (
        *in_flavours(f"{model} calls a model{how}", partial(_model_in_model, chained, streamed)),
        *in_flavours(
            f"{model} awaits a model{how}", partial(_awaited_model, chained, streamed), (NATIVE,)
        ),
    )


async def _model_in_model(chained: bool, streamed: bool, scene: Scene, flavour: Flavour) -> None:
    """Call a model whose body calls another in a span of its own."""
    inner = scene.model(flavour.model, model_name="inner")

    def body() -> None:
        with scene.user("attempt"):
            if streamed:
                for _ in inner.stream("x", scene.config):
                    pass
            else:
                inner.invoke("x", scene.config)

    outer: Any = scene.model(flavour.model, model_name="outer", before=body)
    called = RunnableLambda(str) | outer if chained else outer
    with scene.user() as user, scene.unchanged():
        await _call(called, streamed, scene, flavour)
    _expect_nested(scene, user, streamed=streamed)


async def _awaited_model(chained: bool, streamed: bool, scene: Scene, flavour: Flavour) -> None:
    """The same with a body that awaits the other model."""
    inner = scene.model(flavour.model, model_name="inner")

    async def body() -> None:
        with scene.user("attempt"):
            await _call(inner, streamed, scene, flavour)

    outer: Any = scene.model(AsyncEcho, model_name="outer", before=nothing, first=body)
    called = RunnableLambda(str) | outer if chained else outer
    with scene.user() as user, scene.unchanged():
        await _call(called, streamed, scene, flavour)
    _expect_nested(scene, user, streamed=streamed)


async def _call(called: Any, streamed: bool, scene: Scene, flavour: Flavour) -> None:
    if streamed:
        async for _ in flavour.stream(called, "x", scene.config):
            pass
    else:
        await flavour.invoke(called, "x", scene.config)


def _expect_nested(scene: Scene, user: Span, *, streamed: bool) -> None:
    (attempt,) = scene.named("attempt")
    tree = scene.tree()
    around = tree.parent(attempt)
    outer = any(chat.span is around for chat in tree.chats)
    got = "the outer call" if outer else tree.name(id_of(attempt.parent))
    scene.expect("client first", "the outer call", got)
    scene.call(user, model="outer", streamed=streamed, clients=())
    scene.call(attempt.get_span_context(), model="inner", streamed=streamed, inside=True)


async def _in_a_tool(scene: Scene, flavour: Flavour) -> None:
    model = scene.model(flavour.model)

    async def work(text: str) -> str:
        with scene.user("inner"):
            return str((await flavour.invoke(model, text)).text)

    tool = (
        StructuredTool.from_function(coroutine=work, name="look", description="Looks it up.")
        if flavour.is_async
        else StructuredTool.from_function(
            lambda text: drive(work(text)),
            name="look",
            description="Looks it up.",
            infer_schema=True,
        )
    )
    with scene.user() as user, scene.unchanged():
        await flavour.invoke(tool, _ARGUMENTS, scene.config)
    _expect_inner(scene, user)


async def _in_a_generator(scene: Scene, flavour: Flavour) -> None:
    model = scene.model(flavour.model)

    def generate(values: Iterator[str]) -> Iterator[str]:
        for value in values:
            with scene.user("inner"):
                reply = model.invoke(value)
            yield str(reply.text)

    async def agenerate(values: AsyncIterator[str]) -> AsyncIterator[str]:
        async for value in values:
            with scene.user("inner"):
                reply = await model.ainvoke(value)
            yield str(reply.text)

    steps: Any = RunnableGenerator(agenerate if flavour.is_async else generate)
    with scene.user() as user, scene.unchanged():
        see = scene.reader()
        async for _ in flavour.stream(RunnableLambda(str) | steps, "x", scene.config):
            see()
    _expect_inner(scene, user)


async def _chain_in_a_step(scene: Scene, flavour: Flavour) -> None:
    chain = RunnableLambda(str) | scene.model(flavour.model)

    async def step(value: str) -> str:
        with scene.user("inner"):
            return str((await flavour.invoke(chain, value)).text)

    with scene.user() as user, scene.unchanged():
        await flavour.invoke(RunnableLambda(flavour.step(step)), "x", scene.config)
    _expect_inner(scene, user)


def _expect_inner(scene: Scene, user: Span) -> None:
    (inner,) = scene.named("inner")
    scene.inside_a_step(inner, user)
    scene.call(inner.get_span_context())


async def _reader_of_a_graph(scene: Scene, flavour: Flavour) -> None:
    """Read a graph's stream; what runs in a later step isn't the reader's doing."""
    model = scene.model(flavour.model)

    async def node(_state: Any) -> dict[str, Any]:
        await flavour.invoke(model, "x")
        return {}

    graph = graph_of(flavour.step(node), flavour.step(node))
    with scene.user() as user:
        steps = (graph.astream if flavour.is_async else graph.stream)(STATE, scene.config)
        await _next(steps, flavour)
        with scene.user("reader"), scene.unchanged():
            await _next(steps, flavour)
        with scene.unchanged():
            if flavour.is_async:
                async for _ in steps:
                    pass
            else:
                for _ in steps:
                    pass
    for _ in range(2):
        scene.call(user)
    scene.roots = 1


async def _next(steps: Any, flavour: Flavour) -> None:
    if flavour.is_async:
        await anext(steps)
    else:
        next(steps)
