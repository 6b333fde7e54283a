"""Small LangGraph graphs, where LangGraph is installed."""

from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Final

# A state of any shape: what nodes return replaces it.
STATE: Final[dict[str, Any]] = {"x": 1}


@cache
def langgraph_unavailable() -> str:
    """Say that LangGraph isn't there or can't be imported, or nothing."""
    if find_spec("langgraph") is None:
        return "langgraph is not installed"
    try:
        import_module("langgraph.graph")
    except Exception as error:  # noqa: BLE001 - whatever a broken installation raises
        reason = " ".join(str(error).split())
        return f"langgraph cannot be imported ({type(error).__name__}: {reason})"
    return ""


def graph_of(*nodes: Any) -> Any:
    """Compile a graph of nodes, one after the other.

    Args:
        nodes: Functions or coroutine functions from the state to an update.
    """
    graph = import_module("langgraph.graph")
    builder = graph.StateGraph(dict)
    before = graph.START
    for number, node in enumerate(nodes):
        name = f"node {number}"
        builder.add_node(name, node)
        builder.add_edge(before, name)
        before = name
    return builder.compile()
