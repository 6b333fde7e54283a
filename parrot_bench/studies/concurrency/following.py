"""Which calls are in flight, counted around the caller's method and around the model's own.

The methods are replaced on the one instance that is measured, and put back. That adds 2 % to
the CPU time of ``ainvoke`` and 4 % to that of ``invoke`` (of 110 and 60 µs); a callback handler
that runs inline adds 21 and 18 %, and it cannot see when the model is entered: LangChain tells
it of a call before an executor has a thread for it. A subclass would change what LangChain asks
of the model's type.

*   The **caller's** methods are ``invoke``, ``ainvoke`` and ``astream``. A batch makes its calls
    through them, so a call's latency is seen in a batch, too.
*   The **model's own** are ``_agenerate`` and ``_astream`` as far as it implements them, and for
    sync modes and LangChain's executor fallbacks ``_generate`` and ``_stream``.
"""

import functools
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from time import perf_counter_ns
from typing import Any, Literal

from langchain_core.language_models import BaseChatModel

from parrot_bench.execution import implements

CALLERS = ("invoke", "ainvoke", "astream")


def own_methods(model: BaseChatModel, kind: Literal["sync", "async"]) -> tuple[str, ...]:
    """Names of the model's own methods that calls of a kind of mode end in."""
    if kind == "sync":
        return ("_generate", "_stream")
    return tuple(
        name if implements(model, name) else fallback
        for name, fallback in (("_agenerate", "_generate"), ("_astream", "_stream"))
    )


class InFlight:
    """How many are in flight: now, at most, and on average over time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.reset()

    def reset(self) -> None:
        """Begin to count anew."""
        self.now = 0
        self.peak = 0
        self.threads = 0
        self._sum_ns = 0
        self._since = perf_counter_ns()

    def enter(self) -> None:
        """One more."""
        with self._lock:
            self._advance(1)
            if self.now > self.peak:
                self.peak = self.now
                # Threads are started for calls, so their peak is where the calls' is.
                self.threads = max(self.threads, threading.active_count())

    def leave(self) -> None:
        """One less."""
        with self._lock:
            self._advance(-1)

    def _advance(self, by: int) -> None:
        now = perf_counter_ns()
        self._sum_ns += self.now * (now - self._since)
        self._since = now
        self.now += by

    def average(self, wall_ns: int) -> float:
        """The average over a window that all of them lie in."""
        return self._sum_ns / max(wall_ns, 1)


@dataclass(slots=True)
class Followed:
    """One call. Times are ``perf_counter_ns``; 0 for what was not seen.

    Attributes:
        started_ns: It was made.
        ended_ns: Its reply ended, or it raised.
        entered_ns: The model's own method was entered.
        left_ns: That method was left for the last time.
        error: Name of the error type that reached the caller.
    """

    started_ns: int = 0
    ended_ns: int = 0
    entered_ns: int = 0
    left_ns: int = 0
    error: str = ""


_current: ContextVar[Followed | None] = ContextVar("_current", default=None)


@dataclass
class Ledger:
    """The calls of one model since the last reset.

    Attributes:
        made: Calls that were made and have not ended.
        served: Calls inside the model's own method.
        calls: One entry a call, in the order in which they were made.
    """

    made: InFlight = field(default_factory=InFlight)
    served: InFlight = field(default_factory=InFlight)
    calls: list[Followed] = field(default_factory=list)

    def reset(self) -> None:
        """Forget what was followed."""
        self.made.reset()
        self.served.reset()
        self.calls = []

    @contextmanager
    def call(self) -> Iterator[None]:
        """Follow one call of the caller; a call inside a call is not another one."""
        if _current.get() is not None:
            yield
            return
        call = Followed()
        self.calls.append(call)
        _current.set(call)
        self.made.enter()
        call.started_ns = perf_counter_ns()
        try:
            yield
        except BaseException as error:
            # A stream that is closed early was ended by its caller.
            call.error = "" if isinstance(error, GeneratorExit) else type(error).__name__
            raise
        finally:
            call.ended_ns = perf_counter_ns()
            self.made.leave()
            # Not by token: a generator may be ended in another context than its own.
            _current.set(None)

    @contextmanager
    def service(self) -> Iterator[None]:
        """Follow one stay in the model's own method, which may call another of its own."""
        call = _current.get()
        if call is None or (call.entered_ns and not call.left_ns):
            # A stay that nobody's call is known for counts, a stay inside a stay does not.
            if call is not None:
                yield
                return
            call = Followed()
        call.entered_ns = call.entered_ns or perf_counter_ns()
        call.left_ns = 0
        self.served.enter()
        try:
            yield
        finally:
            self.served.leave()
            call.left_ns = perf_counter_ns()


@contextmanager
def followed(model: BaseChatModel, kind: Literal["sync", "async"]) -> Iterator[Ledger]:
    """Follow every call of a model for as long as the context lasts."""
    ledger = Ledger()
    wanted = dict.fromkeys(CALLERS, ledger.call)
    wanted |= dict.fromkeys(own_methods(model, kind), ledger.service)
    # What somebody else has replaced on the instance comes back afterwards.
    before = {name: vars(model)[name] for name in wanted if name in vars(model)}
    # Not setattr: pydantic refuses what is no field.
    vars(model).update({name: around(model, name, stay) for name, stay in wanted.items()})
    try:
        yield ledger
    finally:
        for name in wanted:
            del vars(model)[name]
        vars(model).update(before)


def around(model: BaseChatModel, name: str, stay: Callable[[], Any]) -> Callable[..., Any]:
    """A method of a model inside a context of ours.

    Which kind of function it is, its name says: any function may return a coroutine. A stream
    counts from its first chunk being asked for, as nothing is called before that.
    """
    method: Callable[..., Any] = getattr(model, name)

    @functools.wraps(method)
    def called(*args: Any, **kwargs: Any) -> Any:
        with stay():
            return method(*args, **kwargs)

    @functools.wraps(method)
    async def awaited(*args: Any, **kwargs: Any) -> Any:
        with stay():
            return await method(*args, **kwargs)

    @functools.wraps(method)
    def streamed(*args: Any, **kwargs: Any) -> Iterator[Any]:
        with stay():
            yield from method(*args, **kwargs)

    @functools.wraps(method)
    async def astreamed(*args: Any, **kwargs: Any) -> AsyncIterator[Any]:
        with stay():
            stream = method(*args, **kwargs)
            try:
                async for chunk in stream:
                    yield chunk
            finally:
                if hasattr(stream, "aclose"):
                    await stream.aclose()

    kinds: dict[str, Callable[..., Any]] = {
        "ainvoke": awaited,
        "_agenerate": awaited,
        "_stream": streamed,
        "astream": astreamed,
        "_astream": astreamed,
    }
    return kinds.get(name, called)
