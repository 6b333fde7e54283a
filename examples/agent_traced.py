"""A LangGraph agent whose spans go to a collector: agent, model and tool in one trace.

OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318 python examples/agent_traced.py
"""

from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, ToolMessage
from langchain_core.tools import tool
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from parrot_bench import ChatParrotLink
from parrot_callbacks import LangChainInstrumentor


@tool
def weather(city: str) -> str:
    """Say what the weather is like."""
    # What a tool does itself nests below the tool's span.
    with trace.get_tracer("weather").start_as_current_span("look out of the window"):
        return f"sunny in {city}"


class Planner(ChatParrotLink):
    """Asks for the weather once, and then repeats what it was told."""

    def _generate(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> Any:
        result = super()._generate(messages, *args, **kwargs)
        if not isinstance(messages[-1], ToolMessage):
            call = {"name": "weather", "args": {"city": "Lisbon"}, "id": "call-1"}
            result.generations[0].message = AIMessage(content="", tool_calls=[call])
        return result


def agent() -> Any:
    """Build the graph: model, tool, model."""
    model = Planner(parrot_buffer_length=100)

    def think(state: MessagesState) -> dict[str, Any]:
        return {"messages": [model.invoke(state["messages"])]}

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
    """Ask the agent, and let its spans leave before the process ends."""
    provider = TracerProvider(resource=Resource.create({"service.name": "forecaster"}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    LangChainInstrumentor().instrument()
    try:
        answer = agent().invoke({"messages": ["What is the weather like?"]})
        print(answer["messages"][-1].text)
    finally:
        provider.shutdown()


if __name__ == "__main__":
    main()
