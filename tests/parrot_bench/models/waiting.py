"""Chat models that wait 10 ms for their answer, each in its own right or wrong way."""

import asyncio
import random
import socket
import threading
import time
from collections.abc import AsyncIterator
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from pydantic import PrivateAttr

SERVICE_S = 0.01


class WaitingError(RuntimeError):
    """What the failing model raises."""


def reply() -> ChatResult:
    return ChatResult(generations=[ChatGeneration(message=AIMessage("yes"))])


class SyncOnly(BaseChatModel):
    """Good: sleeps in sync code, and leaves async to LangChain."""

    @property
    def _llm_type(self) -> str:
        return "waiting"

    def _generate(self, *args: Any, **kwargs: Any) -> ChatResult:
        time.sleep(SERVICE_S)
        return reply()


class Native(SyncOnly):
    """Good: awaits its sleep."""

    async def _agenerate(self, *args: Any, **kwargs: Any) -> ChatResult:
        await asyncio.sleep(SERVICE_S)
        return reply()


class Sleeping(SyncOnly):
    """Bad: sleeps in a coroutine."""

    async def _agenerate(self, *args: Any, **kwargs: Any) -> ChatResult:
        time.sleep(SERVICE_S)  # noqa: ASYNC251  # line: sleeping
        return reply()


class Computing(SyncOnly):
    """Bad: computes in a coroutine."""

    async def _agenerate(self, *args: Any, **kwargs: Any) -> ChatResult:
        end = time.perf_counter() + SERVICE_S
        total = 0
        while time.perf_counter() < end:
            total += 1
        return reply()


def asked_over(connection: socket.socket) -> bytes:
    """Read an answer the way requests does: blocking, in a library of its own."""
    connection.sendall(b"?")
    return connection.recv(1)  # line: reading


class Reading(SyncOnly):
    """Bad: reads a socket in a coroutine without awaiting."""

    async def _agenerate(self, *args: Any, **kwargs: Any) -> ChatResult:
        ours, theirs = socket.socketpair()
        timer = threading.Timer(SERVICE_S, theirs.sendall, (b"!",))
        with ours, theirs:
            timer.start()
            asked_over(ours)
            timer.join()
        return reply()


class BlockingStream(Native):
    """Bad: sleeps between its chunks; its ``_agenerate`` is fine."""

    async def _astream(self, *args: Any, **kwargs: Any) -> AsyncIterator[ChatGenerationChunk]:
        for text in ("ye", "s"):
            time.sleep(SERVICE_S)  # noqa: ASYNC251  # line: streaming
            yield ChatGenerationChunk(message=AIMessageChunk(text))


class Locked(SyncOnly):
    """Bad: its calls wait for each other."""

    _lock: asyncio.Lock = PrivateAttr(default_factory=asyncio.Lock)
    _thread_lock: threading.Lock = PrivateAttr(default_factory=threading.Lock)

    def _generate(self, *args: Any, **kwargs: Any) -> ChatResult:
        with self._thread_lock:
            return super()._generate(*args, **kwargs)

    async def _agenerate(self, *args: Any, **kwargs: Any) -> ChatResult:
        async with self._lock:
            await asyncio.sleep(SERVICE_S)
        return reply()


class FourAtATime(SyncOnly):
    """Has a limit of its own, as a provider has."""

    _four: asyncio.Semaphore = PrivateAttr(default_factory=lambda: asyncio.Semaphore(4))

    async def _agenerate(self, *args: Any, **kwargs: Any) -> ChatResult:
        async with self._four:
            await asyncio.sleep(SERVICE_S)
        return reply()


class Failing(Native):
    """Raises in a quarter of its calls."""

    _random: random.Random = PrivateAttr(default_factory=lambda: random.Random(7))

    async def _agenerate(self, *args: Any, **kwargs: Any) -> ChatResult:
        await asyncio.sleep(SERVICE_S)
        if self._random.random() < 0.25:
            raise WaitingError("no, with the key sk-0123456789abcdefghij")
        return reply()


class Broken(Native):
    """Raises in every async call."""

    async def _agenerate(self, *args: Any, **kwargs: Any) -> ChatResult:
        raise WaitingError("never")


class Slow(Native):
    """A provider that takes its time."""

    async def _agenerate(self, *args: Any, **kwargs: Any) -> ChatResult:
        await asyncio.sleep(1)
        return reply()

    def _generate(self, *args: Any, **kwargs: Any) -> ChatResult:
        time.sleep(1)
        return reply()
