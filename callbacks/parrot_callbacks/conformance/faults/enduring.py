"""Thousands of calls, and a fork: what a handler keeps, and what it takes along."""

import asyncio
import gc
import os
import signal
from collections.abc import Callable, Coroutine
from contextvars import Context
from functools import partial
from typing import Any

from parrot_callbacks.conformance.cells import Cell, in_flavours
from parrot_callbacks.conformance.echo import AsyncEcho, nothing
from parrot_callbacks.conformance.flavours import NATIVE, SYNC, Flavour
from parrot_callbacks.conformance.scene import Scene

_SUCCESSFUL = 10_000
_STOPPED = 2_000
_WARM_UP = 500
# Caches grow for a while. A leak leaves at least one object behind at every call.
_CALLS_AN_OBJECT = 10
_LONG_S = 60.0
_CHILD_LIMIT_S = 10


def cells() -> tuple[Cell, ...]:
    """Return the cells that take long, or that fork."""
    many = partial(in_flavours, flavours=(NATIVE,), last=True, limit_s=300.0)
    unavailable = "" if hasattr(os, "fork") else "this platform has no fork"
    return (
        *many(f"{_SUCCESSFUL:,} calls in one task", partial(_many, _SUCCESSFUL, _answered)),
        *many(f"{_STOPPED:,} stopped calls in one task", partial(_many, _STOPPED, _timed_out)),
        *in_flavours(
            "fork inside a call", _fork, (SYNC, NATIVE), unavailable=unavailable, last=True
        ),
    )


async def _answered(scene: Scene, model: AsyncEcho) -> None:
    await model.ainvoke("x", scene.config)


async def _timed_out(scene: Scene, model: AsyncEcho) -> None:
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(None) as limit:
            model.before = lambda: limit.reschedule(loop.time())
            await model.ainvoke("x", scene.config)
    except TimeoutError:
        pass
    finally:
        model.before = nothing


OneCall = Callable[[Scene, AsyncEcho], Coroutine[Any, Any, None]]


async def _many(number: int, call: OneCall, scene: Scene, flavour: Flavour) -> None:
    """Make calls in one task, and look at what they leave."""
    model = AsyncEcho(delay_s=_LONG_S if call is _timed_out else 0.0)
    census = scene.count_only()
    for _ in range(_WARM_UP):
        await call(scene, model)
    callbacks, objects = _callbacks(), await _objects(flavour)
    for _ in range(number - _WARM_UP):
        await call(scene, model)
    model.delay_s = 0.0
    # The last call may still have to be told that it is over: the next one does.
    await _answered(scene, model)
    grown = await _objects(flavour) - objects
    scene.expect_at_most("leak", (number - _WARM_UP) // _CALLS_AN_OBJECT, grown, "more objects")
    scene.expect_at_most("leak", 0, _callbacks() - callbacks, "more callbacks of the task")
    scene.expect_at_most("leak", 1, len(census.alive), "spans in memory")
    scene.expect_at_most("leak", 0, census.open, "open spans")
    scene.expect("one span", number + 1, census.chats)


def _callbacks() -> int:
    return len(getattr(asyncio.current_task(), "_callbacks", None) or ())


async def _objects(flavour: Flavour) -> int:
    await flavour.settle()
    return len(gc.get_objects())


async def _fork(scene: Scene, flavour: Flavour) -> None:
    scene.tolerated.append("multi-threaded, use of fork()")
    reader, writer = os.pipe()
    children: list[int] = []
    inner = scene.model(flavour.model)

    def body() -> None:
        scene.client("before")()
        child = os.fork()
        if child:
            children.append(child)
            return
        # Whatever happens, the child must not go on with the parent's work.
        try:
            signal.alarm(_CHILD_LIMIT_S)
            said = _in_the_child(scene, lambda: inner.invoke("x", scene.config))
            os.write(writer, said.encode())
        finally:
            os._exit(0)

    with scene.user() as user, scene.unchanged():
        await flavour.invoke(scene.model(flavour.model, before=body), "x", scene.config)
    os.close(writer)
    os.waitpid(children[0], 0)  # noqa: ASYNC222  # nothing else runs in this loop
    with os.fdopen(reader, encoding="utf-8") as said:
        scene.expect("one span", "one span in the child", said.read() or "no answer of the child")
    scene.call(user)


def _in_the_child(scene: Scene, call: Callable[[], object]) -> str:
    """Make a call in the child of a fork.

    Returns:
        What there was, in words.
    """
    inherited = scene.spans()
    try:
        # A context of its own: whose child it is isn't the question.
        Context().run(call)
    except Exception as error:  # noqa: BLE001 - it is told to the parent
        return f"{type(error).__name__} in the child"
    made = [chat for chat in scene.tree().chats if chat.span not in inherited]
    if any(chat.span.end_time is None for chat in made):
        return "an open span in the child"
    return "one span in the child" if len(made) == 1 else f"{len(made)} spans in the child"
