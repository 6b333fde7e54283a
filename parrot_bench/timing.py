"""How a sample is taken: one block of calls of one execution mode, timed together.

A block is primed with untimed calls of its own mode, because the first call after another
mode's block is cold (``direct_generate`` 28-38 µs instead of 12, ``invoke`` 1.1-1.6x); without
priming, identical code with 4 and 8 calls a block differed by 7.3 %. The loop over the calls
is here and nowhere else, so that every mode is timed by the same instructions. They are those
of ``timeit``: a counter that is never looked at, and an argument that stays where it is. With a
sequence of arguments to go through, a call that does nothing seemed to take 7-12 % longer
(``docs/decisions/harness-bias.md``).

This module does not choose what to measure, in which order, or for how long.
"""

import asyncio
import gc
import signal
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from itertools import repeat
from pathlib import Path
from time import perf_counter_ns, process_time_ns
from types import FrameType
from typing import Any, Self, TypedDict

PRIMED_SHARE = 0.1
"""Untimed calls at the head of a block, as a share of its timed ones; at least one."""


class CallLimitExceeded(BaseException):
    """A call took longer than its time limit.

    Not an ``Exception``: code that retries or falls back on any ``Exception`` must not
    mistake the harness's clock for a failure of the provider.
    """


@dataclass(frozen=True, slots=True)
class Reading:
    """What the clocks said of one block.

    Attributes:
        wall_ns: ``perf_counter_ns`` over the timed units.
        cpu_ns: ``process_time_ns`` over the timed units: all threads of the process.
        cold_ns: Wall time of the first, untimed unit; None when the block was not primed.
        stamps: ``perf_counter_ns`` at the start and after each unit; empty unless each unit was
            stamped, or there was only one.
    """

    wall_ns: int
    cpu_ns: int
    cold_ns: int | None
    stamps: tuple[int, ...] = ()


def _whole(begun: int, ended: int, cpu: int, cold: int | None, units: int) -> Reading:
    # The block of a single unit is a call, and its length a latency.
    return Reading(ended - begun, cpu, cold, (begun, ended) if units == 1 else ())


class Sync:
    """Takes readings of a mode that is an ordinary function."""

    def once(self, call: Callable[[Any], Any], item: Any) -> Any:
        """Make one call and return what it returned."""
        return call(item)

    def reading(self, call: Callable[[Any], Any], item: Any, primed: int, timed: int) -> Reading:
        """Time ``timed`` units after ``primed`` untimed ones, each a call with ``item``."""
        cold = None
        if primed:
            cold = perf_counter_ns()
            call(item)
            cold = perf_counter_ns() - cold
            for _ in repeat(None, primed - 1):
                call(item)
        units = repeat(None, timed)
        cpu = process_time_ns()
        begun = perf_counter_ns()
        for _ in units:
            call(item)
        ended = perf_counter_ns()
        cpu = process_time_ns() - cpu
        return _whole(begun, ended, cpu, cold, timed)

    def stamped(self, call: Callable[[Any], Any], item: Any, primed: int, timed: int) -> Reading:
        """The same, with one chained clock reading after every unit (+0.3 % on ``invoke``)."""
        for _ in repeat(None, primed):
            call(item)
        stamps = [0] * (timed + 1)
        cpu = process_time_ns()
        stamps[0] = perf_counter_ns()
        for index in range(1, timed + 1):
            call(item)
            stamps[index] = perf_counter_ns()
        cpu = process_time_ns() - cpu
        return Reading(stamps[-1] - stamps[0], cpu, None, tuple(stamps))


class Async:
    """Takes readings of a mode that is a coroutine function, in one long-lived event loop.

    The clocks are read inside the block's one coroutine: starting a loop costs as much as ten
    calls and is never inside a timed section.
    """

    def __init__(self, new_loop: Callable[[], asyncio.AbstractEventLoop] | None = None) -> None:
        self._new_loop = new_loop or asyncio.new_event_loop
        self._loop = self._new_loop()

    def once(self, call: Callable[[Any], Awaitable[Any]], item: Any) -> Any:
        """Make one call and return what it returned."""

        async def one() -> Any:
            return await call(item)

        return self._run(one())

    def reading(
        self, call: Callable[[Any], Awaitable[Any]], item: Any, primed: int, timed: int
    ) -> Reading:
        """Time ``timed`` units after ``primed`` untimed ones, each a call with ``item``."""

        # Arguments, as names of the enclosing function would be a cell further away.
        async def block(
            call: Callable[[Any], Awaitable[Any]], item: Any, primed: int, timed: int
        ) -> Reading:
            cold = None
            if primed:
                cold = perf_counter_ns()
                await call(item)
                cold = perf_counter_ns() - cold
                for _ in repeat(None, primed - 1):
                    await call(item)
            units = repeat(None, timed)
            cpu = process_time_ns()
            begun = perf_counter_ns()
            for _ in units:
                await call(item)
            ended = perf_counter_ns()
            cpu = process_time_ns() - cpu
            return _whole(begun, ended, cpu, cold, timed)

        reading: Reading = self._run(block(call, item, primed, timed))
        return reading

    def stamped(
        self, call: Callable[[Any], Awaitable[Any]], item: Any, primed: int, timed: int
    ) -> Reading:
        """The same, with one chained clock reading after every unit."""

        async def block(
            call: Callable[[Any], Awaitable[Any]], item: Any, primed: int, timed: int
        ) -> Reading:
            for _ in repeat(None, primed):
                await call(item)
            stamps = [0] * (timed + 1)
            cpu = process_time_ns()
            stamps[0] = perf_counter_ns()
            for index in range(1, timed + 1):
                await call(item)
                stamps[index] = perf_counter_ns()
            cpu = process_time_ns() - cpu
            return Reading(stamps[-1] - stamps[0], cpu, None, tuple(stamps))

        reading: Reading = self._run(block(call, item, primed, timed))
        return reading

    def _run(self, coroutine: Any) -> Any:
        try:
            return self._loop.run_until_complete(coroutine)
        except CallLimitExceeded:
            # The loop was interrupted at an arbitrary instruction and may hold half-run
            # callbacks; what follows is measured in a fresh one.
            self._discard()
            self._loop = self._new_loop()
            raise

    def _discard(self) -> None:
        tasks = asyncio.all_tasks(self._loop)
        for task in tasks:
            task.cancel()
        if not self._loop.is_running():
            # A task that swallows its cancellation must not hold up the run.
            self._loop.run_until_complete(asyncio.wait(tasks, timeout=1)) if tasks else None
            self._loop.close()

    @property
    def tasks(self) -> int:
        """Tasks of the event loop that are not done."""
        return len(asyncio.all_tasks(self._loop))

    @property
    def loop_class(self) -> str:
        """Module and name of the event loop's class."""
        return f"{type(self._loop).__module__}.{type(self._loop).__qualname__}"

    def close(self) -> None:
        """Finish asynchronous generators and close the loop; its executor is not waited for."""
        if not self._loop.is_closed():
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
            self._loop.close()


# Written as a call because one of the names is a keyword.
Clocks = TypedDict("Clocks", {"sync": Sync, "async": Async})
"""What takes readings, by kind of mode."""


@contextmanager
def open_clocks(package: str = "asyncio") -> Iterator[Clocks]:
    """Open an event loop for all asynchronous modes, and close it at the end.

    Args:
        package: What makes the loop: ``asyncio``, or another that has ``new_event_loop``.
    """
    clocks: Clocks = {"sync": Sync(), "async": Async(import_module(package).new_event_loop)}
    try:
        yield clocks
    finally:
        clocks["async"].close()


@contextmanager
def call_limit(seconds: float) -> Iterator[None]:
    """Raise :class:`CallLimitExceeded` in the main thread after ``seconds``.

    It uses the process's real-time interval timer: no thread of ours runs beside a block, and
    a call that blocks the event loop is stopped as surely as one that sleeps. Where there is
    no such timer (Windows, or not in the main thread) it does nothing.
    """
    if (
        not hasattr(signal, "setitimer")
        or threading.current_thread() is not threading.main_thread()
    ):
        yield
        return

    stopped = False

    def expired(_signal: int, frame: FrameType | None) -> None:
        nonlocal stopped
        if _collecting_garbage(frame):
            signal.setitimer(signal.ITIMER_REAL, 0.01, 1.0)
            return
        stopped = True
        raise CallLimitExceeded(f"no reply within {seconds:g} s")

    previous = signal.signal(signal.SIGALRM, expired)
    # Again every second: an exception raised inside a plain asyncio callback is logged by the
    # loop and forgotten.
    signal.setitimer(signal.ITIMER_REAL, seconds, 1.0)
    try:
        yield
    except BaseException as error:
        # What comes out need not be what was raised: `agenerate` gathers its calls with
        # return_exceptions=True and then takes any BaseException for a result.
        if stopped and not isinstance(error, CallLimitExceeded):
            raise CallLimitExceeded(f"no reply within {seconds:g} s") from error
        raise
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)


def _collecting_garbage(frame: FrameType | None) -> bool:
    """Whether this is within a callback of the collector, where what is raised is forgotten.

    A signal that comes while garbage is collected is handled in the first such callback.
    """
    callbacks = {getattr(callback, "__code__", None) for callback in gc.callbacks}
    while frame is not None and frame.f_code not in callbacks:
        frame = frame.f_back
    return frame is not None


class FrozenGarbage:
    """Keeps the garbage collector out of timed blocks.

    On entry everything alive is collected, frozen, and automatic collection switched off: a
    full collection took 78 ms before the freeze and 3 µs after it. Between rounds,
    :meth:`between_rounds` collects by hand, for at most 2 % of the time.
    """

    SHARE = 0.02

    def __enter__(self) -> Self:
        gc.collect()
        gc.freeze()
        self._was_enabled = gc.isenabled()
        gc.disable()
        self._next_ns = 0
        return self

    def between_rounds(self) -> None:
        """Collect, if the last collection was long enough ago to keep to the share."""
        begun = perf_counter_ns()
        if begun >= self._next_ns:
            gc.collect()
            ended = perf_counter_ns()
            self._next_ns = ended + round((ended - begun) / self.SHARE)

    def __exit__(self, *_: object) -> None:
        if self._was_enabled:
            gc.enable()
        gc.unfreeze()


@contextmanager
def settled_garbage() -> Iterator[None]:
    """Leave what is alive now out of every collection: a full one takes 78 ms, and is a stall.

    Collection itself stays on, as it is where models are used.
    """
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def run_queue_ns() -> int:
    """How long this thread has been ready without a processor; 0 where that is not told.

    Under load from others a client that has no time left does not use a whole processor.
    """
    try:
        return int(Path("/proc/thread-self/schedstat").read_text(encoding="ascii").split()[1])
    except (OSError, ValueError, IndexError):
        return 0
