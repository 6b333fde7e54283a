"""Calls that LangChain makes on behalf of others: retries, fallbacks, branches, caches."""

from functools import partial
from importlib import import_module
from typing import Any

from langchain_core.caches import InMemoryCache
from langchain_core.runnables import RunnableParallel

from parrot_callbacks.conformance.cells import Cell, in_flavours
from parrot_callbacks.conformance.echo import TextEcho, WholeEcho, both, fail, one_by_one
from parrot_callbacks.conformance.flavours import NATIVE, SYNC, Flavour
from parrot_callbacks.conformance.graphs import STATE, graph_of, langgraph_unavailable
from parrot_callbacks.conformance.scene import Scene

_BRANCHES = 3


def cells() -> tuple[Cell, ...]:
    """Return the cells of composed calls."""
    graphs = langgraph_unavailable()
    two = (SYNC, NATIVE)
    return (
        *in_flavours("retry", _retry),
        *in_flavours("fallback", _fallback),
        *in_flavours("parallel branches", _parallel),
        *in_flavours("graph that fans out by edges", _fan_out, two, unavailable=graphs),
        *in_flavours("graph that fans out by Send", _send, two, unavailable=graphs),
        *in_flavours("graph streamed by messages", _messages, two, unavailable=graphs),
        *in_flavours("graph that is interrupted", _interrupted, two, unavailable=graphs),
        *in_flavours("model that can't stream", partial(_other_model, WholeEcho, "chat"), two),
        *in_flavours(
            "text completion model", partial(_other_model, TextEcho, "text_completion"), two
        ),
        *in_flavours("cached reply", _cached, two),
    )


async def _retry(scene: Scene, flavour: Flavour) -> None:
    request = scene.client("before")
    model = scene.model(flavour.model, before=one_by_one(both(request, fail), request))
    patient = model.with_retry(wait_exponential_jitter=False, stop_after_attempt=2)
    with scene.user() as user, scene.unchanged():
        await flavour.invoke(patient, "x", scene.config)
    scene.call(user, outcome="failed")
    scene.call(user)
    scene.roots = 1


async def _fallback(scene: Scene, flavour: Flavour) -> None:
    request = scene.client("before")
    first = scene.model(flavour.model, model_name="first", before=both(request, fail))
    second = scene.model(flavour.model, model_name="second")
    with scene.user() as user, scene.unchanged():
        await flavour.invoke(first.with_fallbacks([second]), "x", scene.config)
    scene.call(user, model="first", outcome="failed")
    scene.call(user, model="second")
    scene.roots = 1


async def _parallel(scene: Scene, flavour: Flavour) -> None:
    branches: Any = {str(number): scene.model(flavour.model) for number in range(_BRANCHES)}
    with scene.user() as user, scene.unchanged():
        await flavour.invoke(RunnableParallel(branches), "x", scene.config)
    for _ in range(_BRANCHES):
        scene.call(user)
    scene.roots = 1


async def _fan_out(scene: Scene, flavour: Flavour) -> None:
    graph = import_module("langgraph.graph")
    builder = graph.StateGraph(dict)
    for number in range(_BRANCHES):
        builder.add_node(f"branch {number}", flavour.step(_branch(scene, flavour)))
        builder.add_edge(graph.START, f"branch {number}")
    await _branched(builder.compile(), scene, flavour)


async def _send(scene: Scene, flavour: Flavour) -> None:
    graph, types = import_module("langgraph.graph"), import_module("langgraph.types")
    builder = graph.StateGraph(dict)
    builder.add_node("branch", flavour.step(_branch(scene, flavour)))
    builder.add_conditional_edges(
        graph.START, lambda state: [types.Send("branch", state)] * _BRANCHES, ["branch"]
    )
    await _branched(builder.compile(), scene, flavour)


def _branch(scene: Scene, flavour: Flavour) -> Any:
    model = scene.model(flavour.model)

    async def branch(_state: Any) -> None:
        await flavour.invoke(model, "x")

    return branch


async def _branched(graph: Any, scene: Scene, flavour: Flavour) -> None:
    with scene.user() as user, scene.unchanged():
        await flavour.invoke(graph, STATE, scene.config)
    for _ in range(_BRANCHES):
        scene.call(user)
    scene.roots = 1


async def _messages(scene: Scene, flavour: Flavour) -> None:
    """Stream a graph's messages: that makes a stream of the node's invoke."""
    graph = graph_of(flavour.step(_branch(scene, flavour)))
    with scene.user() as user, scene.unchanged():
        see = scene.reader()
        async for _ in flavour.stream(graph, STATE, scene.config, stream_mode="messages"):
            see()
    scene.call(user, streamed=True)
    scene.roots = 1


async def _interrupted(scene: Scene, flavour: Flavour) -> None:
    """Interrupt a graph to ask a person: that is no failure of anything."""
    graph, types = import_module("langgraph.graph"), import_module("langgraph.types")
    memory = import_module("langgraph.checkpoint.memory")
    model = scene.model(flavour.model)

    async def node(_state: Any) -> dict[str, Any]:
        await flavour.invoke(model, "x")
        return {"x": types.interrupt("sure?")}

    builder = graph.StateGraph(dict)
    builder.add_node("node", flavour.step(node))
    builder.add_edge(graph.START, "node")
    app = builder.compile(checkpointer=memory.InMemorySaver())
    config = {**scene.config, "configurable": {"thread_id": "1"}}
    with scene.user() as user, scene.unchanged():
        await flavour.invoke(app, STATE, config)
    scene.call(user)
    scene.expect_no_error()


async def _other_model(kind: Any, operation: str, scene: Scene, flavour: Flavour) -> None:
    model = scene.model(kind)
    with scene.user() as user, scene.unchanged():
        await flavour.invoke(model, "x", scene.config)
        if kind is WholeEcho:
            async for _ in flavour.stream(model, "x", scene.config):
                pass
            scene.call(user)
    scene.call(user, operation=operation)


async def _cached(scene: Scene, flavour: Flavour) -> None:
    model = scene.model(flavour.model, cache=InMemoryCache())
    with scene.user() as user, scene.unchanged():
        for clients in (("before",), ()):
            await flavour.invoke(model, "x", scene.config)
            scene.call(user, clients=clients)
