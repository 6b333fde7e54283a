"""Does the event loop turn while a call waits? A heartbeat beside the call.

The heart beats once a millisecond, in the call's own loop. Where two beats are far apart and
the loop's thread slept in between, something slept that should have been awaited. Two things
are left aside: work that keeps the processor busy (LangChain's own is of that kind, for a model
that never suspends), and time in which the thread would have run and was not let.

By which line of code it was blocked, the watchdog of the concurrency study says, where it had
the time to look: from stalls of about 15 ms on.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from contextlib import ExitStack
from dataclasses import replace
from itertools import pairwise
from time import perf_counter_ns, thread_time_ns
from typing import Any, BinaryIO, NamedTuple

from parrot_bench.studies.concurrency.blame import blocked_loop
from parrot_bench.studies.concurrency.watchdog import Watchdog, Watched, late_samples
from parrot_bench.studies.parity.seen import Turned

BEAT_S = 0.001
"""Between two beats."""

STALL_NS = 5_000_000
"""A thread that slept so long between two beats has blocked its loop."""

ROUGH_STALL_NS = 20_000_000
"""The same, where it is not known how long the thread waited for a processor."""

SCHEDULED = "/proc/thread-self/schedstat"
"""Processor time, time in which the thread waited for a processor, and turns; Linux."""


class Beat(NamedTuple):
    """What the clocks said at one beat; nanoseconds.

    Attributes:
        wall: ``perf_counter_ns``.
        cpu: ``thread_time_ns``.
        queued: Time in which the thread waited for a processor; None where it is not known.
    """

    wall: int
    cpu: int
    queued: int | None


class Heartbeat:
    """Beats beside one call.

    Args:
        files: Source files of the model's classes.
    """

    def __init__(self, files: Collection[str] = ()) -> None:
        self._files = files
        self._beats: list[Beat] = []
        self._where = ""

    def beside(self, call: Callable[[Any], Awaitable[Any]]) -> Callable[[Any], Awaitable[Any]]:
        """Return the same call with a heart beating beside it."""

        async def watched(item: Any) -> Any:
            loop = asyncio.get_running_loop()
            with ExitStack() as stack:
                scheduled = _open(stack)

                timers: list[asyncio.TimerHandle] = []

                def beat() -> None:
                    self._beats.append(_beat(scheduled))
                    timers[:] = [loop.call_later(BEAT_S, beat)]

                dog = stack.enter_context(Watchdog(STALL_NS))
                beat()
                try:
                    with dog.watching():
                        return await call(item)
                finally:
                    self._beats.append(_beat(scheduled))
                    for timer in timers:
                        timer.cancel()
                    self._where = self._blamed(dog.seen())

        return watched

    def turned(self) -> Turned | None:
        """Say whether the loop turned; None before a call."""
        said = turned(self._beats)
        return None if said is None else replace(said, where=self._where)

    def _blamed(self, seen: Watched) -> str:
        samples = list(late_samples(seen.samples, self._files))
        found = blocked_loop(samples, seen.longest_ns, STALL_NS)
        if found is None:
            return ""
        return f"{found.place.file}:{found.place.line} in {found.place.function}"


def turned(beats: list[Beat]) -> Turned | None:
    """Say from its beats whether a loop turned while it waited; None of no beats."""
    if not beats:
        return None
    stalls = []
    for one, following in pairwise(beats):
        slept = (following.wall - one.wall) - (following.cpu - one.cpu)
        if one.queued is None or following.queued is None:
            stalls.append(slept if slept >= ROUGH_STALL_NS else 0)
        else:
            slept -= following.queued - one.queued
            stalls.append(slept if slept >= STALL_NS else 0)
    return Turned(
        wall_ns=beats[-1].wall - beats[0].wall,
        blocked_ns=sum(stalls),
        longest_ns=max(stalls, default=0),
    )


def _open(stack: ExitStack) -> BinaryIO | None:
    try:
        return stack.enter_context(open(SCHEDULED, "rb", buffering=0))  # noqa: PTH123  # Path has no buffering=0 that mypy knows
    except OSError:
        return None


def _beat(scheduled: BinaryIO | None) -> Beat:
    queued = None
    if scheduled is not None:
        scheduled.seek(0)
        queued = int(scheduled.read().split()[1])
    return Beat(perf_counter_ns(), thread_time_ns(), queued)
