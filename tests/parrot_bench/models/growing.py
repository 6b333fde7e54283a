"""Chat models and a handler that leave something behind with every call."""

import asyncio
import threading
from typing import Any

from langchain_core.callbacks import BaseCallbackHandler

from parrot_bench.parrot import AsyncChatParrotLink, ChatParrotLink

_kept: list[Any] = []
_stop = threading.Event()
_MOST_THREADS = 600


class Remembering(ChatParrotLink):
    """Appends each prompt to a list."""

    def _generate(self, messages: Any, *args: Any, **kwargs: Any) -> Any:
        # A copy of the text, too: the prompt of a run is the same object every time.
        _kept.append([message.model_copy(deep=True) for message in messages])
        _kept.append("".join(list(messages[-1].text)))
        return super()._generate(messages, *args, **kwargs)


class Threading(ChatParrotLink):
    """Starts a thread that waits for nothing, up to a bound."""

    def _generate(self, *args: Any, **kwargs: Any) -> Any:
        if threading.active_count() < _MOST_THREADS:
            threading.Thread(target=_stop.wait, daemon=True).start()
        return super()._generate(*args, **kwargs)


class Tasking(AsyncChatParrotLink):
    """Leaves an asyncio task behind."""

    async def _agenerate(self, *args: Any, **kwargs: Any) -> Any:
        _kept.append(asyncio.get_running_loop().create_task(asyncio.sleep(3600)))
        return await super()._agenerate(*args, **kwargs)


def remembering() -> Remembering:
    return Remembering(parrot_buffer_length=4)


def tasking() -> Tasking:
    return Tasking(parrot_buffer_length=4)


def threads() -> Threading:
    return Threading(parrot_buffer_length=4)


class LeakingHandler(BaseCallbackHandler):
    """Keeps every span open."""

    run_inline = True

    def __init__(self, provider: Any) -> None:
        self._tracer = provider.get_tracer("leaks")
        self._open: list[Any] = []

    def on_chat_model_start(self, *args: Any, **kwargs: Any) -> None:
        self._open.append(self._tracer.start_span("chat"))


def leaking(provider: Any) -> LeakingHandler:
    return LeakingHandler(provider)


def let_go() -> None:
    """End the threads, and forget what is kept."""
    _stop.set()
    for one in _kept:
        if isinstance(one, asyncio.Task):
            one.cancel()
    _kept.clear()
