"""Calls at the same time: streams of one loop, streams of one task, threads."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from parrot_callbacks.conformance.cells import Cell, in_flavours
from parrot_callbacks.conformance.flavours import EXECUTOR, NATIVE, SYNC, Flavour
from parrot_callbacks.conformance.scene import Scene

_STREAMS = 50
_THREADS = 16
_ROUNDS = 10


def cells() -> tuple[Cell, ...]:
    """Return the cells of calls that overlap."""
    return (
        *in_flavours(f"{_STREAMS} streams at once", _streams, (NATIVE, EXECUTOR)),
        *in_flavours("two streams by turns", _by_turns),
        *in_flavours("every step in a task of its own", _task_by_task, (NATIVE, EXECUTOR)),
        *in_flavours(f"{_THREADS} threads", _threads, (SYNC,)),
    )


async def _streams(scene: Scene, flavour: Flavour) -> None:
    model = scene.model(flavour.model)

    async def read(number: int) -> None:
        with scene.user(f"user {number}") as user, scene.unchanged():
            see = scene.reader()
            async for _ in model.astream("x", scene.config):
                see()
        scene.call(user, streamed=True)

    await asyncio.gather(*map(read, range(_STREAMS)))


async def _by_turns(scene: Scene, flavour: Flavour) -> None:
    model = scene.model(flavour.model)
    start = model.astream if flavour.is_async else model.stream
    with scene.user() as user, scene.unchanged():
        first, second = start("x", scene.config), start("x", scene.config)
        await _next(first, flavour)
        with scene.user("other") as other, scene.unchanged():
            see = scene.reader()
            for stream in (second, first, second, first):
                await _next(stream, flavour)
                see()
            await _rest(first, flavour)
        await _rest(second, flavour)
    scene.call(user, streamed=True)
    scene.call(other, streamed=True)


async def _next(stream: Any, flavour: Flavour) -> None:
    if flavour.is_async:
        await anext(stream)
    else:
        next(stream)


async def _rest(stream: Any, flavour: Flavour) -> None:
    if flavour.is_async:
        async for _ in stream:
            pass
    else:
        for _ in stream:
            pass


async def _task_by_task(scene: Scene, flavour: Flavour) -> None:
    """Read a stream as frameworks do that put every step into a task of its own."""
    model = scene.model(flavour.model)
    with scene.user() as user, scene.unchanged():
        stream = model.astream("x", scene.config)
        while True:
            try:
                await asyncio.create_task(anext(stream))  # type: ignore[arg-type]
            except StopAsyncIteration:
                break
            await flavour.settle(collect=False)
    scene.call(user, streamed=True)


async def _threads(scene: Scene, flavour: Flavour) -> None:
    model: Any = scene.model(flavour.model)
    barrier = threading.Barrier(_THREADS)

    def work(number: int) -> None:
        barrier.wait()
        for _ in range(_ROUNDS):
            # Threads of the user's own have an empty context.
            with scene.user(f"user {number}") as user, scene.unchanged():
                model.invoke("x", scene.config)
                see = scene.reader()
                for _ in model.stream("x", scene.config):
                    see()
            scene.call(user)
            scene.call(user, streamed=True)

    with ThreadPoolExecutor(_THREADS) as pool:
        list(pool.map(work, range(_THREADS)))
