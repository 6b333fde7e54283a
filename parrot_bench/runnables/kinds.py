"""What a Runnable is, and what it is made of, as far as LangChain knows.

LangGraph is asked only where the user's code has loaded it: nobody else has a graph.
"""

import sys
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Literal
from uuid import uuid4

from langchain_core.language_models import BaseChatModel, BaseLLM
from langchain_core.runnables import Runnable, RunnableBinding, RunnableConfig, RunnableLambda
from langchain_core.runnables.base import RunnableBindingBase

from parrot_bench.execution import is_chat_model

Kind = Literal["chat model", "graph", "text completion model", "Runnable"]


def kind_of(model: Runnable[Any, Any]) -> Kind:
    """What a Runnable is, whatever is bound around it; a chat model only if nothing is."""
    if is_chat_model(model):
        return "chat model"
    if is_graph(model):
        return "graph"
    return "text completion model" if isinstance(core_of(model), BaseLLM) else "Runnable"


def core_of(model: Runnable[Any, Any]) -> Runnable[Any, Any]:
    """What is inside of bindings: of arguments, tools, a config, retries, threads."""
    while isinstance(model, RunnableBindingBase):
        model = model.bound
    return model


def named(model: Runnable[Any, Any]) -> str:
    """Name of the class of what the user gave."""
    return type(without_own_threads(model)).__qualname__


def is_graph(model: Runnable[Any, Any]) -> bool:
    """Whether it is a compiled LangGraph graph."""
    pregel = getattr(sys.modules.get("langgraph.pregel"), "Pregel", None)
    return pregel is not None and isinstance(core_of(model), pregel)


def has_messages(model: Runnable[Any, Any]) -> bool:
    """Whether it is a graph whose state has messages, as agents do."""
    return is_graph(model) and "messages" in getattr(core_of(model), "channels", {})


def parts_of(model: Runnable[Any, Any]) -> list[Runnable[Any, Any]]:
    """A Runnable and those that it is made of, from the outside in, each once.

    Steps of chains, what bindings are bound to, fallbacks, branches; of functions and of a graph's
    nodes, what they refer to by name. A model that is an attribute of an object is not found.
    """
    found: dict[int, Runnable[Any, Any]] = {}
    waiting = [model]
    while waiting:
        one = waiting.pop(0)
        if id(one) in found:
            continue
        found[id(one)] = one
        if not isinstance(one, BaseChatModel | BaseLLM):
            with suppress(Exception):  # of whatever the user's classes do when they are looked at
                waiting += _below(one)
    return list(found.values())


def models_in(model: Runnable[Any, Any]) -> list[BaseChatModel]:
    """The chat models that a Runnable is made of; of a chat model, itself."""
    return [part for part in parts_of(model) if is_chat_model(part)]


def _below(model: Runnable[Any, Any]) -> Iterator[Runnable[Any, Any]]:
    if is_graph(model) and not isinstance(model, RunnableBindingBase):
        for node in getattr(model, "nodes", {}).values():
            bound = getattr(node, "bound", None)
            if isinstance(bound, Runnable):
                yield bound
    elif isinstance(model, RunnableLambda):
        yield from model.deps
    elif function := getattr(model, "func", None) or getattr(model, "afunc", None):
        # A node of a graph is a function in a Runnable of LangGraph's own.
        if callable(function) and not isinstance(function, Runnable):
            yield from RunnableLambda(function).deps
    else:
        yield from _runnables(list(getattr(model, "__dict__", {}).values()))


def _runnables(values: list[Any]) -> Iterator[Runnable[Any, Any]]:
    for value in values:
        if isinstance(value, Runnable):
            yield value
        elif isinstance(value, list | tuple):
            yield from _runnables(list(value))
        elif isinstance(value, dict):
            yield from _runnables(list(value.values()))


class OwnThreads(RunnableBinding[Any, Any]):
    """A Runnable with a graph that keeps its threads: each call is given a new one.

    Without a thread's id such a graph raises; with the same one, each call would be asked what all
    calls before it were asked, too.
    """


def with_own_threads(model: Runnable[Any, Any]) -> Runnable[Any, Any]:
    """Give each call a thread of its own where a graph has a checkpointer."""
    graphs = [part for part in parts_of(model) if is_graph(part)]
    if not any(getattr(core_of(graph), "checkpointer", None) for graph in graphs):
        return model
    return OwnThreads(bound=model, config_factories=[_new_thread])


def without_own_threads(model: Runnable[Any, Any]) -> Runnable[Any, Any]:
    """What the user gave."""
    return model.bound if isinstance(model, OwnThreads) else model


def _new_thread(_config: RunnableConfig) -> RunnableConfig:
    return {"configurable": {"thread_id": uuid4().hex}}
