"""Where a model is called: the places of the matrix, each for every execution mode."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Final

from langchain_core.runnables import RunnableLambda
from opentelemetry.trace import Span

from parrot_callbacks.conformance.graphs import STATE, graph_of, langgraph_unavailable
from parrot_callbacks.conformance.modes import CALLS, Mode
from parrot_callbacks.conformance.scene import Scene

CLIENTS: Final = ("before", "between")


@dataclass(frozen=True)
class Calls:
    """The calls of a mode, to be made in a place.

    Attributes:
        mode: The mode.
        scene: Where they are performed.
        model: What they call.
    """

    mode: Mode
    scene: Scene
    model: Any

    async def make(self, model: Any, config: Any) -> None:
        """Make them, and look at the current span before, meanwhile and after."""
        with self.scene.unchanged():
            await self.mode.perform(model, config, self.scene.reader())

    def expect(self, above: Span | None) -> None:
        """Expect the span of each below a span of the user's, or below none."""
        for _ in range(CALLS):
            self.scene.call(above, streamed=self.mode.streams, clients=CLIENTS)


@dataclass(frozen=True)
class Place:
    """A place where a model is called.

    Attributes:
        name: Its name in the table.
        perform: Makes the calls there, and says what is expected of their spans.
        in_a_sequence: What is called there is a sequence.
        in_a_graph: It needs LangGraph.
    """

    name: str
    perform: Callable[[Calls], Coroutine[Any, Any, None]]
    in_a_sequence: bool = False
    in_a_graph: bool = False

    def unavailable(self, mode: Mode) -> str:
        """Say why a mode can't be used here, or nothing."""
        here = langgraph_unavailable() if self.in_a_graph else ""
        return mode.unavailable(in_a_sequence=self.in_a_sequence) or here


async def _bare(calls: Calls) -> None:
    await calls.make(calls.model, calls.scene.config)
    calls.expect(None)


async def _in_a_span(calls: Calls) -> None:
    with calls.scene.user() as user:
        await calls.make(calls.model, calls.scene.config)
    calls.expect(user)


async def _in_a_sequence(calls: Calls) -> None:
    with calls.scene.user() as user:
        await calls.make(RunnableLambda(str) | calls.model, calls.scene.config)
    calls.expect(user)
    calls.scene.roots = CALLS


async def _in_a_span_in_a_step(calls: Calls) -> None:
    """Make them in a span of the user's inside a RunnableLambda."""

    async def step(value: Any) -> Any:
        await _make_in_an_inner_span(calls)
        return value

    flavour, scene = calls.mode.flavour, calls.scene
    with scene.user() as user, scene.unchanged():
        await flavour.invoke(RunnableLambda(flavour.step(step)), "x", scene.config)
    _expect_in_the_inner_span(calls, user)


async def _in_a_node(calls: Calls) -> None:
    await _in_a_graph(calls, streamed=False)


async def _in_a_streamed_node(calls: Calls) -> None:
    await _in_a_graph(calls, streamed=True)


async def _in_a_graph(calls: Calls, *, streamed: bool) -> None:
    async def node(_state: Any) -> dict[str, Any]:
        await calls.make(calls.model, {})
        return {}

    flavour, scene = calls.mode.flavour, calls.scene
    graph = graph_of(flavour.step(node))
    with scene.user() as user, scene.unchanged():
        if streamed:
            see = scene.reader()
            async for _ in flavour.stream(graph, STATE, scene.config):
                see()
        else:
            await flavour.invoke(graph, STATE, scene.config)
    calls.expect(user)
    scene.roots = 1


async def _in_a_span_in_a_node(calls: Calls) -> None:
    async def node(_state: Any) -> dict[str, Any]:
        await _make_in_an_inner_span(calls)
        return {}

    flavour, scene = calls.mode.flavour, calls.scene
    with scene.user() as user, scene.unchanged():
        await flavour.invoke(graph_of(flavour.step(node)), STATE, scene.config)
    _expect_in_the_inner_span(calls, user)


async def _make_in_an_inner_span(calls: Calls) -> None:
    with calls.scene.user("inner"):
        await calls.make(calls.model, {})


def _expect_in_the_inner_span(calls: Calls, user: Span) -> None:
    (inner,) = calls.scene.named("inner")
    context = inner.get_span_context()
    for _ in range(CALLS):
        calls.scene.call(context, streamed=calls.mode.streams, clients=CLIENTS)
    calls.scene.inside_a_step(inner, user)


PLACES: Final = (
    Place("bare", _bare),
    Place("span", _in_a_span),
    Place("sequence", _in_a_sequence, in_a_sequence=True),
    Place("span in step", _in_a_span_in_a_step),
    Place("node", _in_a_node, in_a_graph=True),
    Place("streamed node", _in_a_streamed_node, in_a_graph=True),
    Place("span in node", _in_a_span_in_a_node, in_a_graph=True),
)
"""All of them, in the order of the table."""
