"""Chains and other Runnables, as users write them, around scripted models."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

from langchain_core.language_models import FakeListLLM
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, ToolMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.output_parsers import StrOutputParser
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import Runnable, RunnableLambda, RunnableParallel
from langchain_core.tools import tool
from pydantic import BaseModel

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

    def _call(self, messages: list[BaseMessage]) -> Any:
        if isinstance(messages[-1], ToolMessage):
            return None
        return {"name": self.tool_name, "args": {"city": self.city}, "id": "call-1"}

    def _generate(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> ChatResult:
        result = super()._generate(messages, None)
        if call := self._call(messages):
            usage = UsageMetadata(input_tokens=3, output_tokens=2, total_tokens=5)
            said = AIMessage(content="", tool_calls=[call], usage_metadata=usage)
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
