"""Measure a LangGraph agent as a model is measured: its modes, its first chunk, its spans.

python examples/agent_measured.py [RUN_DIRECTORY]
"""

import sys
from pathlib import Path
from typing import Any

from langchain_core.messages import AIMessage, ToolMessage
from langchain_core.tools import tool
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode

from parrot_bench import ChatParrotLink, run


@tool
def weather(city: str) -> str:
    """Say what the weather is like."""
    return f"sunny in {city}"


def agent() -> Any:
    """Build the graph: model, tool, model. Yours has a model that asks for its tools itself."""
    model = ChatParrotLink(parrot_buffer_length=100)

    def think(state: MessagesState) -> dict[str, Any]:
        said = model.invoke(state["messages"])
        if not any(isinstance(message, ToolMessage) for message in state["messages"]):
            said.tool_calls = [{"name": "weather", "args": {"city": "Lisbon"}, "id": "call-1"}]
        return {"messages": [said]}

    def more(state: MessagesState) -> str:
        last = state["messages"][-1]
        return "act" if isinstance(last, AIMessage) and last.tool_calls else END

    graph = StateGraph(MessagesState)
    graph.add_node("think", think)
    graph.add_node("act", ToolNode([weather]))
    graph.add_edge(START, "think")
    graph.add_conditional_edges("think", more)
    graph.add_edge("act", "think")
    return graph.compile(name="forecaster")


def main() -> None:
    """Measure four modes for a few seconds, and print what an agent's users would ask."""
    out = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    # A name ("my_app.agents:make_agent") instead of the object is measured in a fresh process.
    done = run(
        agent,
        modes=["invoke", "ainvoke", "stream", "stream_messages"],
        studies=("overhead", "streaming"),
        time_s=4,
        out=out,
    )
    record = done.record
    assert record.model is not None
    print(f"{record.model.kind} of {', '.join(record.model.parts)}")
    for mode in record.overhead.modes if record.overhead else ():
        tokens = f", {mode.tokens_per_second:.0f} tokens/s" if mode.tokens_per_second else ""
        if mode.wall is not None:
            print(f"{mode.mode:16} {mode.wall.value / 1e6:6.2f} ms a call{tokens}")
    for arrived in record.streaming.arrivals[0].modes if record.streaming else ():
        if arrived.first_chunk is not None:
            print(f"{arrived.mode:16} first chunk after {arrived.first_chunk.value / 1e6:.2f} ms")
    # One call of the agent is a span of its own, and every call of its model another one.
    for traced in record.reconciliation.modes if record.reconciliation else ():
        agrees = "agree" if traced.agrees else "do not agree"
        print(
            f"{traced.mode:16} {traced.calls} calls, {traced.model_calls} of its model, "
            f"{traced.chat_spans} chat spans: they {agrees}"
        )


if __name__ == "__main__":
    main()
