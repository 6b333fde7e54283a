"""Callers that stop a call: readers that leave a stream, tasks that are cancelled or time out.

None of it is the model's failure, and LangChain tells a handler about it late or never.
"""

import asyncio
import gc
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

from opentelemetry.trace import Span

from parrot_callbacks.conformance.cells import Cell, in_flavours
from parrot_callbacks.conformance.echo import AsyncEcho, both
from parrot_callbacks.conformance.flavours import NATIVE, SYNC, Flavour
from parrot_callbacks.conformance.scene import Scene

_STEPS = 30
_LONG_S = 60.0


def cells() -> tuple[Cell, ...]:
    """Return the cells of stopped calls."""
    return (
        *in_flavours("reader breaks out of a stream", _breaks),
        *in_flavours("reader closes a stream", _closes),
        *in_flavours("reader forgets a stream", _forgets),
        *in_flavours("stream that is never read", _never_read),
        *in_flavours("ainvoke cancelled at every step", partial(_cancelled, _ainvoke), (NATIVE,)),
        *in_flavours("astream cancelled at every step", partial(_cancelled, _astream), (NATIVE,)),
        *in_flavours("timeout round ainvoke", partial(_timed_out, _ainvoke), (NATIVE,)),
        *in_flavours("timeout round astream", partial(_timed_out, _astream), (NATIVE,)),
        # A loop of its own is opened and closed by hand.
        *in_flavours("loop closed in ainvoke", partial(_loop_closed, _ainvoke), (SYNC,)),
        *in_flavours("loop closed in astream", partial(_loop_closed, _astream), (SYNC,)),
    )


# -- readers ----------------------------------------------------------------------------


def _stream(scene: Scene, flavour: Flavour) -> Any:
    model = scene.model(flavour.model)
    return (model.astream if flavour.is_async else model.stream)("x", scene.config)


async def _breaks(scene: Scene, flavour: Flavour) -> None:
    with scene.user() as user, scene.unchanged():
        if flavour.is_async:
            async for _ in _stream(scene, flavour):
                break
        else:
            for _ in _stream(scene, flavour):
                break
        await flavour.settle()
    scene.call(user, outcome="stopped", streamed=True)


async def _closes(scene: Scene, flavour: Flavour) -> None:
    with scene.user() as user, scene.unchanged():
        stream = _stream(scene, flavour)
        if flavour.is_async:
            await anext(stream)
            await stream.aclose()
        else:
            next(stream)
            stream.close()
        scene.expect_ended()
    scene.call(user, outcome="stopped", streamed=True)


async def _forgets(scene: Scene, flavour: Flavour) -> None:
    with scene.user() as user:
        stream = _stream(scene, flavour)
        with scene.unchanged():
            if flavour.is_async:
                await anext(stream)
            else:
                next(stream)
        with scene.user("elsewhere"), scene.unchanged():
            # Closed by the garbage collector in whatever context happens to be current.
            del stream
            await flavour.settle()
    scene.call(user, outcome="stopped", streamed=True)


async def _never_read(scene: Scene, flavour: Flavour) -> None:
    with scene.unchanged():
        stream = _stream(scene, flavour)
        del stream
        await flavour.settle()
    scene.expect_no_span()


# -- tasks ------------------------------------------------------------------------------


async def _ainvoke(model: Any, config: Any) -> None:
    await model.ainvoke("x", config)


async def _astream(model: Any, config: Any) -> None:
    async for _ in model.astream("x", config):
        pass


Asynchronous = Callable[[Any, Any], Coroutine[Any, Any, None]]


async def _cancelled(call: Asynchronous, scene: Scene, flavour: Flavour) -> None:
    streamed = call is _astream
    for step in range(_STEPS):
        entered: list[bool] = []
        users: list[Span] = []

        async def caller(
            number: int = step, entered: list[bool] = entered, users: list[Span] = users
        ) -> None:
            request = both(scene.client("before"), partial(entered.append, True))
            model = AsyncEcho(before=request, turns=2 * _STEPS if not streamed else 8)
            with scene.user(f"user {number}") as user:
                users.append(user)
                try:
                    await call(model, scene.config)
                except asyncio.CancelledError:
                    scene.expect_child_of(user)
                    raise

        with scene.unchanged():
            task = asyncio.create_task(caller())
            for _ in range(step):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await flavour.settle(collect=False)
        # Whether there is a span before LangChain has reached the body is LangChain's affair.
        begun = bool(entered) or bool(scene.calls_below(users))
        if begun:
            scene.call(
                users[0],
                outcome="stopped",
                streamed=streamed,
                chunks=False,
                clients=("before",) * bool(entered),
            )


async def _timed_out(call: Asynchronous, scene: Scene, _flavour: Flavour) -> None:
    with scene.user() as user:
        with scene.unchanged():
            try:
                async with asyncio.timeout(None) as limit:

                    def time_is_up(limit: asyncio.Timeout = limit) -> None:
                        limit.reschedule(asyncio.get_running_loop().time())

                    request = both(scene.client("before"), time_is_up)
                    await call(AsyncEcho(before=request, delay_s=_LONG_S), scene.config)
            except TimeoutError:
                pass
            # No event has said that the call is over.
            scene.expect_ended()
        scene.expect_child_of(user)
        with scene.unchanged():
            await AsyncEcho(before=scene.client("before")).ainvoke("x", scene.config)
    scene.call(user, outcome="stopped", streamed=call is _astream, chunks=False)
    scene.call(user, chunks=False)


async def _loop_closed(call: Asynchronous, scene: Scene, _flavour: Flavour) -> None:
    # What Python itself says of tasks and generators whose loop is gone.
    scene.tolerated += [
        "Task was destroyed but it is pending",
        "was never awaited",
        "no running event loop",
    ]
    loop = asyncio.new_event_loop()
    request = both(scene.client("before"), loop.stop)
    with scene.user() as user, scene.unchanged():
        task = loop.create_task(call(AsyncEcho(before=request, delay_s=_LONG_S), scene.config))
        loop.run_forever()
        loop.close()
        del task, loop, request
        gc.collect()
    scene.call(user, outcome="stopped", streamed=call is _astream, chunks=False)
