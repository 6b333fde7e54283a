"""Models whose conduct under load is known: a queue before c servers, pauses, errors."""

import asyncio
import time
from collections.abc import AsyncIterator
from random import Random
from time import perf_counter_ns
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from pydantic import PrivateAttr

from parrot_bench.studies.load.taking import WARM_UP


def result(text: str = "hello there") -> ChatResult:
    usage = {"input_tokens": 1, "output_tokens": 2, "total_tokens": 3}
    return ChatResult(generations=[ChatGeneration(message=AIMessage(text, usage_metadata=usage))])


class Servers(BaseChatModel):
    """So many servers, first come first served; when each call came, began and ended is kept."""

    servers: int = 2
    mean_s: float = 0.02
    even: bool = False
    seed: int = 1
    _free: asyncio.Semaphore | None = PrivateAttr(default=None)
    _random: Random = PrivateAttr(default=None)
    _seen: list[tuple[int, int, int]] = PrivateAttr(default_factory=list)

    @property
    def _llm_type(self) -> str:
        return "servers"

    @property
    def seen(self) -> list[tuple[int, int, int]]:
        return self._seen

    def _generate(self, *_: Any, **__: Any) -> ChatResult:
        raise NotImplementedError

    async def _agenerate(self, *_: Any, **__: Any) -> ChatResult:
        self._random = self._random or Random(self.seed)
        self._free = self._free or asyncio.Semaphore(self.servers)
        takes_s = self.mean_s if self.even else self._random.expovariate(1 / self.mean_s)
        came = perf_counter_ns()
        async with self._free:
            began = perf_counter_ns()
            await asyncio.sleep(takes_s)
            self._seen.append((came, began, perf_counter_ns()))
        return result()


class Silent(Servers):
    """Tells no tokens."""

    async def _agenerate(self, *_: Any, **__: Any) -> ChatResult:
        return ChatResult(generations=[ChatGeneration(message=AIMessage("hello"))])


class Pausing(BaseChatModel):
    """Answers in 2 ms, but not while it stands still, once, some time after its warm-up."""

    after_s: float = 0.5
    pause_s: float = 0.5
    _calls: int = PrivateAttr(default=0)
    _begun: float = PrivateAttr(default=0.0)

    @property
    def _llm_type(self) -> str:
        return "pausing"

    def _generate(self, *_: Any, **__: Any) -> ChatResult:
        raise NotImplementedError

    async def _agenerate(self, *_: Any, **__: Any) -> ChatResult:
        self._calls += 1
        if self._calls <= WARM_UP + 1:
            self._begun = time.monotonic()
        at = time.monotonic() - self._begun
        still_s = self.after_s + self.pause_s - at if at >= self.after_s else 0.0
        await asyncio.sleep(max(still_s, 0.002))
        return result()


class RateLimitError(Exception):
    """As HTTP clients raise it."""

    status_code = 429


class Failing(BaseChatModel):
    """Every third call fails, every fourth is turned away, every fifth never ends."""

    _calls: int = PrivateAttr(default=0)

    @property
    def _llm_type(self) -> str:
        return "failing"

    def _generate(self, *_: Any, **__: Any) -> ChatResult:
        raise NotImplementedError

    async def _agenerate(self, *_: Any, **__: Any) -> ChatResult:
        self._calls += 1
        await asyncio.sleep(0.001)
        if self._calls % 3 == 0:
            raise ValueError("no")
        if self._calls % 4 == 0:
            raise RateLimitError("too many")
        if self._calls % 5 == 0:
            await asyncio.sleep(3600)
        return result()


class Blocking(BaseChatModel):
    """Sleeps without letting go: in a thread by itself, in the event loop of all."""

    seconds: float = 0.02

    @property
    def _llm_type(self) -> str:
        return "blocking"

    def _generate(self, *_: Any, **__: Any) -> ChatResult:
        time.sleep(self.seconds)
        return result()

    async def _agenerate(self, *_: Any, **__: Any) -> ChatResult:
        time.sleep(self.seconds)  # noqa: ASYNC251  # what it is about
        return result()


class Dripping(BaseChatModel):
    """Five chunks, 10 ms apart, the first after 20."""

    @property
    def _llm_type(self) -> str:
        return "dripping"

    def _generate(self, *_: Any, **__: Any) -> ChatResult:
        raise NotImplementedError

    async def _astream(self, *_: Any, **__: Any) -> AsyncIterator[ChatGenerationChunk]:
        await asyncio.sleep(0.02)
        for number in range(5):
            if number:
                await asyncio.sleep(0.01)
            yield ChatGenerationChunk(message=AIMessageChunk(content="hi"))
        usage = {"input_tokens": 1, "output_tokens": 5, "total_tokens": 6}
        yield ChatGenerationChunk(message=AIMessageChunk(content="", usage_metadata=usage))
