"""Chains, agents and other Runnables, as users write them, around scripted models."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

from langchain_core.language_models import FakeListLLM
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, ToolMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import Runnable, RunnableLambda, RunnableParallel
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode
from pydantic import BaseModel
from typing_extensions import TypedDict

from parrot_bench import AsyncChatParrotLink

parrot = AsyncChatParrotLink(parrot_buffer_length=8)


@tool
def weather(city: str) -> str:
    """Say what the weather is like."""
    return f"sunny in {city}"


class Scripted(AsyncChatParrotLink):
    """Calls a tool once, and then repeats what it was told."""

    tool_name: str = "weather"
    city: str = "Lisbon"

    def _call(self, messages: list[BaseMessage]) -> dict[str, Any] | None:
        if isinstance(messages[-1], ToolMessage):
            return None
        return {"name": self.tool_name, "args": {"city": self.city}, "id": "call-1"}

    def _generate(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> ChatResult:
        result = super()._generate(messages, None)
        if call := self._call(messages):
            usage = {"input_tokens": 3, "output_tokens": 2, "total_tokens": 5}
            said = AIMessage(content="", tool_calls=[call], usage_metadata=usage)  # type: ignore[arg-type]
            result = ChatResult(generations=[ChatGeneration(message=said)])
        return result

    async def _agenerate(self, messages: list[BaseMessage], *args: Any, **kw: Any) -> ChatResult:
        return self._generate(messages)

    def _stream(
        self, messages: list[BaseMessage], *args: Any, **kw: Any
    ) -> Iterator[ChatGenerationChunk]:
        if not self._call(messages):
            yield from super()._stream(messages, None)
            return
        whole = self._generate(messages).generations[0].message
        assert isinstance(whole, AIMessage)
        yield ChatGenerationChunk(
            message=AIMessageChunk(
                content="",
                tool_calls=whole.tool_calls,
                usage_metadata=whole.usage_metadata,
                chunk_position="last",
            )
        )

    async def _astream(
        self, messages: list[BaseMessage], *args: Any, **kw: Any
    ) -> AsyncIterator[ChatGenerationChunk]:
        for chunk in self._stream(messages):
            yield chunk

    def bind_tools(self, tools: Any, **_: Any) -> Any:
        name = getattr(tools[0], "name", None) or tools[0].__name__
        return self.model_copy(update={"tool_name": name}).bind()


class Weather(BaseModel):
    """What the weather is like."""

    city: str


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


def answering() -> Any:
    """A graph that is no agent."""
    graph = StateGraph(Answered)
    graph.add_node("ask", lambda state: {"answer": parrot.invoke(state["question"]).text})
    graph.add_edge(START, "ask")
    graph.add_edge("ask", END)
    return graph.compile()


async def ashout(text: str) -> str:
    return text.upper()


question = ChatPromptTemplate.from_template("Say {question}")
chain: Runnable[Any, Any] = question | parrot | StrOutputParser()
two: Runnable[Any, Any] = ChatPromptTemplate.from_template("{a} {b}") | parrot | StrOutputParser()
tools = Scripted(parrot_buffer_length=8).bind_tools([weather])
structured = Scripted(parrot_buffer_length=8, city="Porto").with_structured_output(Weather)
retry = parrot.with_retry()
fallbacks = parrot.with_fallbacks([parrot])
shout = RunnableLambda(str.upper, ashout)
async_only: Any = RunnableLambda(ashout)
parallel: Runnable[Any, Any] = RunnableParallel(short=parrot, text=chain)
completion = FakeListLLM(responses=["hello there"])
