"""Chat models whose streams are odd, each in one way."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult

USAGE: Any = {"input_tokens": 3, "output_tokens": 10, "total_tokens": 13}


def text(content: str, **more: Any) -> AIMessageChunk:
    return AIMessageChunk(content=content, **more)


LETTERS = tuple(map(text, "abcdefghij"))
LAST = text("", usage_metadata=USAGE, chunk_position="last")
"""Usage and no content: how many providers end a stream."""


class Whole(BaseChatModel):
    """Has no ``_stream``."""

    @property
    def _llm_type(self) -> str:
        return "streams"

    def _generate(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> ChatResult:
        message = AIMessage("abcdefghij", usage_metadata=USAGE)
        return ChatResult(generations=[ChatGeneration(message=message)])

    async def _agenerate(self, messages: list[BaseMessage], *a: Any, **k: Any) -> ChatResult:
        return self._generate(messages)


class Scripted(Whole):
    """Streams what it is told: chunks, seconds to wait, and an error to raise."""

    script: tuple[Any, ...]
    calls: list[int] = []  # noqa: RUF012  # pydantic copies it
    raises_every: int = 1

    def _steps(self) -> Iterator[Any]:
        self.calls.append(1)
        for step in self.script:
            if isinstance(step, Exception):
                if len(self.calls) % self.raises_every == 0:
                    raise step
            else:
                yield step

    def _stream(self, messages: Any, *args: Any, **kwargs: Any) -> Iterator[ChatGenerationChunk]:
        for step in self._steps():
            if isinstance(step, float):
                time.sleep(step)
            else:
                yield ChatGenerationChunk(message=step)

    async def _astream(
        self, messages: Any, *args: Any, **kwargs: Any
    ) -> AsyncIterator[ChatGenerationChunk]:
        for step in self._steps():
            if isinstance(step, float):
                await asyncio.sleep(step)
            else:
                yield ChatGenerationChunk(message=step)


GOOD = (*LETTERS, LAST)
ONE_CHUNK = (text("abcdefghij", usage_metadata=USAGE, chunk_position="last"),)
EMPTY_FIRST = (text(""), *LETTERS, LAST)
NO_USAGE = (*LETTERS, text("", chunk_position="last"))
UNEVEN = (*LETTERS[:4], 0.01, *LETTERS[4:7], 0.01, *LETTERS[7:], LAST)
BURST = (0.02, *LETTERS, LAST)
BREAKS = (*LETTERS[:3], ConnectionError("the line is dead"), *LETTERS[3:], LAST)
SILENT = (text(""), LAST)
TOOL_CALL = (
    text("", tool_call_chunks=[{"name": "look", "args": "", "id": "1", "index": 0}]),
    text("", tool_call_chunks=[{"name": None, "args": '{"a":', "id": None, "index": 0}]),
    text("", tool_call_chunks=[{"name": None, "args": "1}", "id": None, "index": 0}]),
    LAST,
)
REASONING = (
    AIMessageChunk(content=[{"type": "reasoning", "reasoning": "hm", "index": 0}]),
    AIMessageChunk(content=[{"type": "reasoning", "reasoning": " so", "index": 0}]),
    AIMessageChunk(content=[{"type": "text", "text": "yes", "index": 1}]),
    LAST,
)
