"""The chat models that the suite calls: they answer at once, and do as they are told.

They describe themselves as the models of the large providers do: the name and the parameters
among the identifying parameters and in LangSmith's metadata, the finish reason in the
generation's information, token counts in the message. What a handler can't record of them it
can't record of any model.
"""

# ruff: noqa: ARG002 - LangChain decides what a model is given, and an echo needs none of it.

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any, Final

from langchain_core.language_models import BaseChatModel, BaseLLM
from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.messages.ai import UsageMetadata
from langchain_core.outputs import (
    ChatGeneration,
    ChatGenerationChunk,
    ChatResult,
    Generation,
    LLMResult,
)
from pydantic import Field

INPUT_TOKENS: Final = 5
OUTPUT_TOKENS: Final = 3
FINISH_REASON: Final = "stop"
TEMPERATURE: Final = 0.0
MAX_TOKENS: Final = 64
REPLY: Final = "hey"
PROVIDER: Final = "parrot"

Body = Callable[[], None]
AsyncBody = Callable[[], Awaitable[None]]


class ModelError(RuntimeError):
    """What a model of the suite raises when it is told to fail."""


def nothing() -> None:
    """Do nothing, where a model's body does something else elsewhere."""


def fail() -> None:
    """Fail, as a model does.

    Raises:
        ModelError: Always.
    """
    raise ModelError("the model failed, as it was told to")


def one_by_one(*bodies: Body) -> Body:
    """Return a body that does the next of these at each call."""
    left = iter(bodies)

    def body() -> None:
        next(left)()

    return body


def both(first: Body, second: Body) -> Body:
    """Return a body that does one thing, then another."""

    def body() -> None:
        first()
        second()

    return body


class WholeEcho(BaseChatModel):
    """Answers "hey" in one piece; it can't stream, and its async methods are LangChain's.

    Args:
        before: Called by the body first of all.
        between: Called when a part of the reply is there; in a stream after the first chunk.
        after: Called last, when all chunks are out.
    """

    model_name: str = "echo-1"
    temperature: float | None = TEMPERATURE
    max_tokens: int | None = MAX_TOKENS
    before: Body = Field(default=nothing, exclude=True)
    between: Body = Field(default=nothing, exclude=True)
    after: Body = Field(default=nothing, exclude=True)

    @classmethod
    def is_lc_serializable(cls) -> bool:
        """Return True, as the models of the large providers do: some handlers rely on it."""
        return True

    @property
    def _llm_type(self) -> str:
        return "echo"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        return {
            "model_name": self.model_name,
            "temperature": self.temperature,
            "max_tokens": self.max_tokens,
        }

    def _get_ls_params(self, stop: list[str] | None = None, **kwargs: Any) -> Any:
        found = super()._get_ls_params(stop=stop, **kwargs)
        found["ls_provider"] = PROVIDER
        found["ls_model_name"] = self.model_name
        return found

    def _usage(self) -> UsageMetadata:
        return UsageMetadata(
            input_tokens=INPUT_TOKENS,
            output_tokens=OUTPUT_TOKENS,
            total_tokens=INPUT_TOKENS + OUTPUT_TOKENS,
        )

    def _answer(self) -> ChatResult:
        said = {"finish_reason": FINISH_REASON, "model_name": self.model_name}
        message = AIMessage(REPLY, usage_metadata=self._usage(), response_metadata=dict(said))
        counted = {
            "prompt_tokens": INPUT_TOKENS,
            "completion_tokens": OUTPUT_TOKENS,
            "total_tokens": INPUT_TOKENS + OUTPUT_TOKENS,
        }
        return ChatResult(
            generations=[ChatGeneration(message=message, generation_info=said)],
            llm_output={"token_usage": counted, "model_name": self.model_name},
        )

    def _generate(self, messages: Any, *args: Any, **kwargs: Any) -> ChatResult:
        self.before()
        self.between()
        self.after()
        return self._answer()


class SyncEcho(WholeEcho):
    """Answers "hey" in three chunks; its async methods are LangChain's executor fallback."""

    def _chunks(self) -> Iterator[ChatGenerationChunk]:
        for letter in REPLY:
            yield ChatGenerationChunk(message=AIMessageChunk(content=letter))
        yield ChatGenerationChunk(
            message=AIMessageChunk(content="", usage_metadata=self._usage(), chunk_position="last"),
            generation_info={"finish_reason": FINISH_REASON, "model_name": self.model_name},
        )

    def _stream(self, messages: Any, *args: Any, **kwargs: Any) -> Iterator[ChatGenerationChunk]:
        self.before()
        for number, chunk in enumerate(self._chunks()):
            if number == 1:
                self.between()
            yield chunk
        self.after()


class AsyncEcho(SyncEcho):
    """The same with native async methods, which wait.

    Args:
        delay_s: How long it waits before every chunk, in seconds.
        turns: How often it lets the event loop turn before every chunk.
        first: Awaited by the body right after ``before``.
    """

    delay_s: float = 0.0
    turns: int = 1
    first: AsyncBody | None = Field(default=None, exclude=True)

    async def _begin(self) -> None:
        self.before()
        if self.first is not None:
            await self.first()

    async def _wait(self) -> None:
        if self.delay_s:
            await asyncio.sleep(self.delay_s)
        for _ in range(self.turns):
            await asyncio.sleep(0)

    async def _agenerate(self, messages: Any, *args: Any, **kwargs: Any) -> ChatResult:
        await self._begin()
        await self._wait()
        self.between()
        self.after()
        return self._answer()

    async def _astream(
        self, messages: Any, *args: Any, **kwargs: Any
    ) -> AsyncIterator[ChatGenerationChunk]:
        await self._begin()
        for number, chunk in enumerate(self._chunks()):
            if number == 1:
                self.between()
            await self._wait()
            yield chunk
        self.after()


class TextEcho(BaseLLM):
    """A language model that is no chat model: text in, text out."""

    model_name: str = "echo-1"
    temperature: float = TEMPERATURE
    max_tokens: int = MAX_TOKENS
    before: Body = Field(default=nothing, exclude=True)

    @classmethod
    def is_lc_serializable(cls) -> bool:
        """Return True, as the models of the large providers do: some handlers rely on it."""
        return True

    @property
    def _llm_type(self) -> str:
        return "echo"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        return {
            "model_name": self.model_name,
            "temperature": self.temperature,
            "max_tokens": self.max_tokens,
        }

    def _generate(self, prompts: list[str], *args: Any, **kwargs: Any) -> LLMResult:
        self.before()
        counted = {
            "prompt_tokens": INPUT_TOKENS,
            "completion_tokens": OUTPUT_TOKENS,
            "total_tokens": INPUT_TOKENS + OUTPUT_TOKENS,
        }
        said = {"finish_reason": FINISH_REASON}
        return LLMResult(
            generations=[[Generation(text=REPLY, generation_info=dict(said))] for _ in prompts],
            llm_output={"token_usage": counted, "model_name": self.model_name},
        )
