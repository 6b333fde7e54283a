"""Which calls are in flight, counted around the caller's method and around the model's own.

The methods are replaced on the one instance that is measured, and put back. That adds a tenth to
the CPU time of a parrot's ``ainvoke`` and ``invoke``, 19 and 13 µs on a crowded machine; a callback
handler that runs inline adds 27 and 21 %, and it cannot see when the model is entered: LangChain
tells it of a call before an executor has a thread for it. A subclass would change what LangChain
asks of the model's type.

*   The **caller's** methods are ``invoke``, ``ainvoke`` and ``astream``. A batch makes its calls
    through them, so a call's latency is seen in a batch, too.
*   The **model's own** are ``_agenerate`` and ``_astream`` as far as it implements them, and for
    sync modes and LangChain's executor fallbacks ``_generate`` and ``_stream``.
"""

import functools
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from time import perf_counter_ns
from typing import Any, Literal

from langchain_core.language_models import BaseChatModel
from langchain_core.runnables import Runnable

from parrot_bench.execution import implements
from parrot_bench.runnables.kinds import core_of, models_in
from parrot_bench.studies.in_flight import InFlight

CALLERS = ("invoke", "ainvoke", "astream")


def own_methods(model: BaseChatModel, kind: Literal["sync", "async"]) -> tuple[str, ...]:
    """Names of the model's own methods that calls of a kind of mode end in."""
    if kind == "sync":
        return ("_generate", "_stream")
    return tuple(
        name if implements(model, name) else fallback
        for name, fallback in (("_agenerate", "_generate"), ("_astream", "_stream"))
    )


@dataclass(slots=True)
class Followed:
    """One call. Times are ``perf_counter_ns``; 0 for what was not seen.

    Attributes:
        started_ns: It was made.
        ended_ns: Its reply ended, or it raised.
        entered_ns: The model's own method was entered.
        left_ns: That method was left for the last time.
        stays: How often it was entered, by an agent more than once.
        error: Name of the error type that reached the caller.
    """

    started_ns: int = 0
    ended_ns: int = 0
    entered_ns: int = 0
    left_ns: int = 0
    stays: int = 0
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

    # Pairs of plain methods: a generator for each `with` would double what following costs.

    def begin_call(self) -> Followed | None:
        """A call is made; None for a call inside a call, which is not another one."""
        if _current.get() is not None:
            return None
        call = Followed()
        self.calls.append(call)
        _current.set(call)
        self.made.enter()
        call.started_ns = perf_counter_ns()
        return call

    def end_call(self, call: Followed | None, error: BaseException | None = None) -> None:
        """That call has ended."""
        if call is None:
            return
        call.ended_ns = perf_counter_ns()
        self.made.leave()
        # A stream that is closed early was ended by its caller.
        if error is not None and not isinstance(error, GeneratorExit):
            call.error = type(error).__name__
        # Not by token: a generator may be ended in another context than its own.
        _current.set(None)

    def begin_stay(self) -> Followed | None:
        """The model's own method is entered; None inside another of its own methods."""
        call = _current.get()
        if call is None:
            # Nobody's call that we know of: it counts all the same.
            call = Followed()
        elif call.entered_ns and not call.left_ns:
            return None
        call.entered_ns = call.entered_ns or perf_counter_ns()
        call.left_ns = 0
        call.stays += 1
        self.served.enter()
        return call

    def end_stay(self, call: Followed | None, _error: BaseException | None = None) -> None:
        """That method is left."""
        if call is not None:
            self.served.leave()
            call.left_ns = perf_counter_ns()


@contextmanager
def followed(model: Runnable[Any, Any], kind: Literal["sync", "async"]) -> Iterator[Ledger]:
    """Follow every call of a model for as long as the context lasts.

    Of a chain or a graph, the caller's methods are its own, and the model's those of the chat
    models in it; a binding's batch makes its calls by way of what it is bound to.
    """
    ledger = Ledger()
    with ExitStack() as stack:
        called = {id(one): one for one in (model, core_of(model))}
        for one in called.values():
            callers = dict.fromkeys(CALLERS, (ledger.begin_call, ledger.end_call))
            stack.enter_context(_replaced(one, callers))
        for inner in models_in(model):
            names = own_methods(inner, kind)
            own = dict.fromkeys(names, (ledger.begin_stay, ledger.end_stay))
            stack.enter_context(_replaced(inner, own))
        yield ledger


@contextmanager
def _replaced(model: Runnable[Any, Any], by: "dict[str, tuple[Begin, End]]") -> Iterator[None]:
    """Put something around methods of an instance."""
    # What somebody else has replaced on the instance comes back afterwards.
    before = {name: vars(model)[name] for name in by if name in vars(model)}
    # Not setattr: pydantic refuses what is no field.
    vars(model).update({name: around(model, name, *both) for name, both in by.items()})
    try:
        yield
    finally:
        for name in by:
            del vars(model)[name]
        vars(model).update(before)


# What is to happen before and after a method, around each kind of function ------------------

Begin = Callable[[], Followed | None]
End = Callable[..., None]
Method = Callable[..., Any]


def around(model: Runnable[Any, Any], name: str, begin: Begin, end: End) -> Method:
    """A method of a model with what is to happen before and after it.

    Which kind of function it is, its name says: any function may return a coroutine. A stream
    begins with its first chunk being asked for, as nothing is called before that.
    """
    method: Method = getattr(model, name)
    return functools.wraps(method)(_KINDS.get(name, _called)(method, begin, end))


def _called(method: Method, begin: Begin, end: End) -> Method:
    def called(*args: Any, **kwargs: Any) -> Any:
        call = begin()
        try:
            result = method(*args, **kwargs)
        except BaseException as error:
            end(call, error)
            raise
        end(call)
        return result

    return called


def _awaited(method: Method, begin: Begin, end: End) -> Method:
    async def awaited(*args: Any, **kwargs: Any) -> Any:
        call = begin()
        try:
            result = await method(*args, **kwargs)
        except BaseException as error:
            end(call, error)
            raise
        end(call)
        return result

    return awaited


def _streamed(method: Method, begin: Begin, end: End) -> Method:
    def streamed(*args: Any, **kwargs: Any) -> Iterator[Any]:
        call = begin()
        try:
            yield from method(*args, **kwargs)
        except BaseException as error:
            end(call, error)
            raise
        end(call)

    return streamed


def _astreamed(method: Method, begin: Begin, end: End) -> Method:
    async def astreamed(*args: Any, **kwargs: Any) -> AsyncIterator[Any]:
        call = begin()
        stream = method(*args, **kwargs)
        try:
            async for chunk in stream:
                yield chunk
        except BaseException as error:
            if hasattr(stream, "aclose"):
                await stream.aclose()
            end(call, error)
            raise
        end(call)

    return astreamed


_KINDS: dict[str, Callable[[Method, Begin, End], Method]] = {
    "ainvoke": _awaited,
    "_agenerate": _awaited,
    "_stream": _streamed,
    "astream": _astreamed,
    "_astream": _astreamed,
}
