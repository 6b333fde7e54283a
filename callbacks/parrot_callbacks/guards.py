"""Guards round LangChain's own methods: what callbacks can't see of a call.

LangChain says nothing when a timeout or a cancellation goes through an ``ainvoke``, a tool or
a retriever, and a handler can't tell when a stream's consumer has the word. A guard wraps the
method itself: it knows when the call is entered, left between two chunks, entered again, and
over. A run that started inside one is closed with it, in its caller's own context.

A guarded call has a context of its own that lasts from step to step. The caller's context is
put back whenever the call is left, so that the consumer of a stream never sees the chat span,
and what the model's body has made current is current for it again at the next step.
"""

import functools
from collections.abc import AsyncIterator, Callable, Iterator
from contextvars import ContextVar
from typing import Any, Final, Protocol, Self

from opentelemetry.context import Context

from parrot_callbacks.context import current, make_current
from parrot_callbacks.outcomes import ABANDONED, COMPLETED, FAILED, Outcome, outcome_of

Method = Callable[..., Any]


class GuardedRun(Protocol):
    """What a guard knows of a run."""

    key: int
    ended: bool
    within: Context | None

    def finish(self, outcome: Outcome, error: BaseException | None) -> None:
        """End the run without a reply."""


_current: Final[ContextVar["GuardedCall | None"]] = ContextVar(
    "parrot-callbacks-guarded-call", default=None
)


current_call: Final = _current.get
"""Return the innermost guarded call in progress, or None."""


class GuardedCall:
    """One call of a guarded method; entered and left once for every step of it.

    Attributes:
        inside: What was current when it was last left; None before, and for a call that changes
            nothing.
        is_final: The guard sees the call's end, whatever happens. The streams of v3 events
            are handed out, and end elsewhere.
    """

    __slots__ = ("_outer", "_runs", "inside", "is_final")

    def __init__(self, *, is_final: bool = True) -> None:
        self.is_final = is_final
        self._runs: list[GuardedRun] = []
        self.inside: Context | None = None
        self._outer: GuardedCall | None = None

    def take(self, run: GuardedRun, prompts: int) -> bool:
        """Take up a run that starts inside this call.

        Args:
            run: The run.
            prompts: How many prompts its method was given: more runs than that are of
                other calls, made by the model's body round the guards.
        """
        runs = self._runs
        if runs and all(run.key != other.key for other in runs):
            distinct = {other.key for other in runs}
            if len(distinct) >= prompts:
                return False
        runs.append(run)
        return True

    def enter_body(self) -> None:
        """Make current what the run's start has made current in a task of its own."""
        if len(self._runs) == 1 and self._runs[0].within:
            make_current(self._runs[0].within)

    def enter(self) -> Context:
        """Enter it for one step; return the caller's context, for ``leave``."""
        before = current()
        if self.inside is None:
            # The first step, in which the run starts. Setting a context variable is the
            # dearest thing here, so the later ones do without.
            self._outer = _current.get()
            _current.set(self)
        else:
            make_current(self.inside)
        return before

    def leave(self, before: Context) -> None:
        """Leave it after a step, however the step ended."""
        inside = current()
        if self.inside is None:
            if _current.get() is not self:
                # A coroutine that nobody finishes is closed wherever the garbage collector
                # runs; that context is none of ours and stays as it is.
                return
            _current.set(self._outer)
        if inside is not before:
            self.inside = inside
            make_current(before)

    def end(self, error: BaseException | None = None) -> None:
        """Close the runs that no event has ended.

        Args:
            error: What ended the call, if anything did.
        """
        self.inside = None
        runs, self._runs = self._runs, []
        left = [run for run in runs if not run.ended]
        if not left:
            return
        if error is not None and isinstance(error.__context__, GeneratorExit):
            # The call was being closed, and without a running loop LangChain's own clean-up
            # fails with an error of its own.
            error = error.__context__
        outcome = COMPLETED if error is None else outcome_of(error)
        if outcome == FAILED and len(left) < len(runs):
            # generate() with several prompts gives up at the first one that fails, and says
            # nothing of the others.
            outcome = ABANDONED
        for run in left:
            if not run.ended:
                run.finish(outcome, error)


class ForgettableCall(GuardedCall):
    """A guarded call that can end without its guard being told.

    Python closes a generator that its consumer forgets; an asynchronous one only while its event
    loop is there, and a stream of events not at all.
    """

    __slots__ = ()

    def __del__(self) -> None:
        # The last that is heard of it.
        if self._runs:
            self.end(GeneratorExit())


def guard_call(method: Method) -> Method:
    """Guard a method that returns when the call is over."""

    @functools.wraps(method)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        call = GuardedCall()
        before = call.enter()
        try:
            reply = method(*args, **kwargs)
        except BaseException as error:
            call.leave(before)
            call.end(error)
            raise
        call.leave(before)
        call.end()
        return reply

    return guarded


def guard_async_call(method: Method) -> Method:
    """Guard a coroutine function."""

    @functools.wraps(method)
    async def guarded(*args: Any, **kwargs: Any) -> Any:
        call = GuardedCall()
        before = call.enter()
        try:
            reply = await method(*args, **kwargs)
        except BaseException as error:
            call.leave(before)
            call.end(error)
            raise
        call.leave(before)
        call.end()
        return reply

    return guarded


def guard_stream(method: Method) -> Method:
    """Guard a generator function: each step by itself."""

    @functools.wraps(method)
    def guarded(*args: Any, **kwargs: Any) -> Iterator[Any]:
        call = GuardedCall()
        body = method(*args, **kwargs)
        steps: Iterator[Any] | None = body
        inside = None
        before = call.enter()
        try:
            while steps is not None:
                # What is thrown in is the body's to handle, and so is what comes after that.
                rest = None if steps is body else body
                for chunk in steps:
                    # What leave() and enter() do between most chunks, at half their price.
                    if current() is inside:
                        make_current(before)
                    else:
                        call.leave(before)
                        inside = call.inside
                    try:
                        yield chunk
                    except BaseException as thrown:  # noqa: BLE001 - see above
                        rest = map(body.throw, [thrown])
                        before = call.enter()
                        break
                    if inside is None:
                        before = call.enter()
                    else:
                        before = current()
                        make_current(inside)
                steps = rest
        except BaseException as error:
            call.leave(before)
            call.end(error)
            raise
        call.leave(before)
        call.end()

    return guarded


def guard_async_stream(method: Method) -> Method:
    """Guard an asynchronous generator function: each step by itself."""

    @functools.wraps(method)
    async def guarded(*args: Any, **kwargs: Any) -> AsyncIterator[Any]:
        call = ForgettableCall()
        body = method(*args, **kwargs)
        steps: AsyncIterator[Any] | None = body
        inside = None
        before = call.enter()
        try:
            while steps is not None:
                rest = None if steps is body else body
                async for chunk in steps:
                    if current() is inside:
                        make_current(before)
                    else:
                        call.leave(before)
                        inside = call.inside
                    try:
                        yield chunk
                    except BaseException as thrown:  # noqa: BLE001 - as in the other stream
                        rest = _Thrown(body, thrown)
                        before = call.enter()
                        break
                    if inside is None:
                        before = call.enter()
                    else:
                        before = current()
                        make_current(inside)
                steps = rest
        except BaseException as error:
            # A step that isn't answering what was thrown in, and ends so all the same, is closed
            # from outside, wherever the garbage collector runs: that context isn't this call's.
            if steps is not body or not isinstance(error, GeneratorExit):
                call.leave(before)
            call.end(error)
            raise
        call.leave(before)
        call.end()

    return guarded


class _Thrown:
    """The step in which the body of an asynchronous stream handles what is thrown into it.

    Args:
        body: The body.
        error: What is thrown into it.
    """

    def __init__(self, body: Any, error: BaseException) -> None:
        self._body = body
        self._errors = [error]

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Any:
        if not self._errors:
            raise StopAsyncIteration
        return await self._body.athrow(self._errors.pop())


def enter_guarded_body(method: Method) -> Method:
    """Wrap the coroutine function in which a guarded method calls the model's body."""

    @functools.wraps(method)
    async def entered(*args: Any, **kwargs: Any) -> Any:
        call = current_call()
        if call is not None:
            call.enter_body()
        return await method(*args, **kwargs)

    return entered


def guard_event_stream(method: Method) -> Method:
    """Guard the method that makes a synchronous stream of v3 events.

    It returns at once; the stream starts its run, and pulls the model's body, when it is read.
    """

    @functools.wraps(method)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        stream = method(*args, **kwargs)
        start, pull = stream._ensure_started, stream._request_more  # noqa: SLF001 - no other way
        call = ForgettableCall(is_final=False)

        def guarded_start() -> None:
            before = call.enter()
            try:
                start()
            finally:
                call.leave(before)

        def guarded_pull() -> Any:
            before = call.enter()
            try:
                return pull()
            finally:
                call.leave(before)

        stream.set_start(guarded_start)
        stream.bind_pump(guarded_pull)
        return stream

    return guarded


def guard_async_event_stream(method: Method) -> Method:
    """Guard the method that makes an asynchronous stream of v3 events.

    The model's body runs in a task of the stream's own, which is made at the start.
    """

    @functools.wraps(method)
    async def guarded(*args: Any, **kwargs: Any) -> Any:
        stream = await method(*args, **kwargs)
        start = stream._ensure_started  # noqa: SLF001 - no other way
        call = ForgettableCall(is_final=False)

        async def guarded_start() -> None:
            before = call.enter()
            try:
                await start()
            finally:
                call.leave(before)

        stream.set_start(guarded_start)
        return stream

    return guarded
