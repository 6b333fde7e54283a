"""A guarded stream does what the stream does, whatever its consumer throws in."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextvars import copy_context
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.context import Context

from parrot_callbacks.context import current, make_current
from parrot_callbacks.guards import guard_async_stream, guard_stream

OWN = Context({"whose": "the body's"})
MINE = Context({"whose": "the consumer's"})
STEPS = 4
ACTIONS = st.lists(st.sampled_from(["next", "throw", "close"]), max_size=STEPS + 3)


class ThrownError(Exception):
    pass


def body(seen: list[Any], handled: int) -> Iterator[str]:
    """Say what is thrown in, up to a number of times; make a context of its own current."""
    make_current(OWN)
    for step in range(STEPS):
        try:
            yield f"step {step}"
        except ThrownError:
            handled -= 1
            if handled < 0:
                raise
            yield f"handled {step}"
        finally:
            seen.append(current() is OWN)


async def async_body(seen: list[Any], handled: int) -> AsyncIterator[str]:
    steps = body(seen, handled)
    thrown = None
    while True:
        try:
            chunk = next(steps) if thrown is None else steps.throw(thrown)
        except StopIteration:
            return
        thrown = None
        try:
            yield chunk
        except BaseException as error:  # noqa: BLE001 - it is the generator's to handle
            thrown = error


def act(stream: Any, actions: list[str]) -> list[object]:
    said: list[object] = []
    for action in actions:
        try:
            if action == "next":
                said.append(next(stream))
            elif action == "throw":
                said.append(stream.throw(ThrownError))
            else:
                said.append(stream.close())
        except (ThrownError, StopIteration, RuntimeError) as error:
            said.append(repr(error))
    stream.close()
    return said


async def act_async(stream: Any, actions: list[str]) -> list[object]:
    said: list[object] = []
    for action in actions:
        try:
            if action == "next":
                said.append(await anext(stream))
            elif action == "throw":
                said.append(await stream.athrow(ThrownError))
            else:
                said.append(await stream.aclose())
        except (ThrownError, StopAsyncIteration, RuntimeError) as error:
            said.append(repr(error))
    await stream.aclose()
    return said


@given(actions=ACTIONS, handled=st.integers(0, 2))
def test_a_stream_does_what_it_does_unguarded(actions: list[str], handled: int) -> None:
    def main() -> None:
        expected = act(body([], handled), actions)
        make_current(MINE)
        seen: list[bool] = []
        assert act(guard_stream(body)(seen, handled), actions) == expected
        assert all(seen)
        assert current() is MINE

    copy_context().run(main)


@given(actions=ACTIONS, handled=st.integers(0, 2))
def test_an_async_stream_does_what_it_does_unguarded(actions: list[str], handled: int) -> None:
    async def main() -> None:
        expected = await act_async(async_body([], handled), actions)
        make_current(MINE)
        seen: list[bool] = []
        assert await act_async(guard_async_stream(async_body)(seen, handled), actions) == expected
        assert all(seen)
        assert current() is MINE

    asyncio.run(main())


def test_what_the_body_makes_current_in_a_step_is_its_own() -> None:
    contexts = [Context({"step": step}) for step in range(STEPS)]

    def changing() -> Iterator[Context]:
        for context in contexts:
            before = current()
            make_current(context)
            yield before

    def main() -> None:
        make_current(MINE)
        for before, expected in zip(guard_stream(changing)(), [MINE, *contexts], strict=False):
            assert current() is MINE
            assert before is expected

    copy_context().run(main)
