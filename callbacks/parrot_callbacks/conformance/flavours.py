"""Synchronous and asynchronous code, written once.

Cells are coroutine functions that call LangChain through a flavour. In the synchronous one
every call is a plain call: the coroutine never waits, and is driven without an event loop, so
that LangChain finds none.
"""

import asyncio
import gc
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from parrot_callbacks.conformance.echo import AsyncEcho, SyncEcho

T = TypeVar("T")
_TURNS: Final = 10

Step = Callable[[Any], Coroutine[Any, Any, Any]]


def drive(work: Coroutine[Any, Any, T]) -> T:
    """Carry out a coroutine that never waits.

    Raises:
        RuntimeError: It does wait.
    """
    try:
        work.send(None)
    except StopIteration as done:
        return done.value  # type: ignore[no-any-return]
    work.close()
    raise RuntimeError("a synchronous cell waits for an event loop, and there is none")


@dataclass(frozen=True)
class Flavour:
    """One colour of code, with a model for it.

    Attributes:
        name: Its name in the table.
        model: A chat model that is at home in it.
        is_async: Whether there is an event loop.
    """

    name: str
    model: type[SyncEcho]
    is_async: bool

    def carry_out(self, work: Coroutine[Any, Any, None]) -> None:
        """Carry out the work of a cell, with an event loop of its own where one is needed."""
        if self.is_async:
            asyncio.run(work)
        else:
            drive(work)

    def step(self, body: Step) -> Callable[[Any], Any]:
        """Make a function that LangChain can call of a coroutine function."""
        return body if self.is_async else lambda value: drive(body(value))

    async def invoke(self, runnable: Any, value: Any, config: Any = None) -> Any:
        """Call ``invoke`` or ``ainvoke``."""
        if self.is_async:
            return await runnable.ainvoke(value, config)
        return runnable.invoke(value, config)

    async def stream(
        self, runnable: Any, value: Any, config: Any = None, **more: Any
    ) -> AsyncIterator[Any]:
        """Iterate over ``stream`` or ``astream``; closing it closes the stream."""
        if self.is_async:
            chunks = runnable.astream(value, config, **more)
            try:
                async for chunk in chunks:
                    yield chunk
            finally:
                await chunks.aclose()
        else:
            for chunk in runnable.stream(value, config, **more):
                yield chunk

    async def settle(self, *, collect: bool = True) -> None:
        """Let the event loop do what is put off.

        Args:
            collect: Collect garbage first; forgotten generators are closed by that.
        """
        if collect:
            gc.collect()
        if self.is_async:
            for _ in range(_TURNS):
                await asyncio.sleep(0)

    async def batch(self, runnable: Any, values: list[Any], config: Any, **more: Any) -> Any:
        """Call ``batch`` or ``abatch``."""
        if self.is_async:
            return await runnable.abatch(values, config, **more)
        return runnable.batch(values, config, **more)

    async def generate(self, model: Any, prompts: list[Any], **more: Any) -> Any:
        """Call ``generate`` or ``agenerate``."""
        if self.is_async:
            return await model.agenerate(prompts, **more)
        return model.generate(prompts, **more)


SYNC: Final = Flavour("sync", SyncEcho, is_async=False)
NATIVE: Final = Flavour("async native", AsyncEcho, is_async=True)
EXECUTOR: Final = Flavour("async executor", SyncEcho, is_async=True)
FLAVOURS: Final = (SYNC, NATIVE, EXECUTOR)
