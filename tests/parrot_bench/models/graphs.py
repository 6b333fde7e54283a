"""Graphs, as users write them, and the chains of the module beside, by the same names."""

from typing import Any

from langchain_core.messages import AIMessage
from langchain_core.runnables import RunnableLambda
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.func import entrypoint
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode
from typing_extensions import TypedDict

from tests.parrot_bench.models.chains import *  # noqa: F403  # all of it
from tests.parrot_bench.models.chains import Scripted, parrot, weather


def agent(**compiled: Any) -> Any:
    """Model, tool, model: two calls of the model in one of the graph."""
    model = Scripted(parrot_buffer_length=8).bind_tools([weather])

    def think(state: MessagesState) -> dict[str, Any]:
        return {"messages": [model.invoke(state["messages"])]}

    async def athink(state: MessagesState) -> dict[str, Any]:
        return {"messages": [await model.ainvoke(state["messages"])]}

    def more(state: MessagesState) -> str:
        last = state["messages"][-1]
        return "act" if isinstance(last, AIMessage) and last.tool_calls else END

    graph = StateGraph(MessagesState)
    graph.add_node("think", RunnableLambda(think, athink))
    graph.add_node("act", ToolNode([weather]))
    graph.add_edge(START, "think")
    graph.add_conditional_edges("think", more)
    graph.add_edge("act", "think")
    return graph.compile(**compiled)


def remembering() -> Any:
    """The same, which keeps its threads."""
    return agent(checkpointer=InMemorySaver())


class Answered(TypedDict):
    """A state without messages."""

    question: str
    answer: str


class Asked(TypedDict):
    """What a graph is given that has messages of its own."""

    question: str


def asking() -> Any:
    """A graph whose messages are its own affair."""

    def ask(state: Any) -> dict[str, Any]:
        return {"messages": [parrot.invoke(state["question"])]}

    class Both(MessagesState):
        question: str

    graph = StateGraph(Both, input_schema=Asked)
    graph.add_node("ask", ask)
    graph.add_edge(START, "ask")
    graph.add_edge("ask", END)
    return graph.compile()


@entrypoint()
def function(text: str) -> str:
    """A function that was made a graph."""
    return parrot.invoke(text).text


def answering() -> Any:
    """A graph that is no agent."""
    graph = StateGraph(Answered)
    graph.add_node("ask", lambda state: {"answer": parrot.invoke(state["question"]).text})
    graph.add_edge(START, "ask")
    graph.add_edge("ask", END)
    return graph.compile()
