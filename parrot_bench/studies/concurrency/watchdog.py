"""Whether the event loop stands still, and which line of code it stands at.

A heartbeat in the loop is due every millisecond. A thread looks at it every 5 ms, and while it
is over 20 ms late takes the loop thread's stack again and again. Nothing of this runs outside
of the concurrency study; between two cells the thread sleeps without a timer.
"""

import asyncio
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter_ns
from types import TracebackType
from typing import Self

from parrot_bench.studies.concurrency.places import StackEntry, copied

BEAT_S = 0.001
LATE_NS = 20_000_000
"""A heartbeat that is later than this is looked into."""

LOOK_S = 0.005
SAMPLE_S = 0.002
MANY = 100
"""After so many samples of one stall they are taken more and more seldom."""

RARELY_S = 0.05


@dataclass(frozen=True, slots=True)
class StackSample:
    """What the loop's thread was doing at one moment of a stall.

    Attributes:
        stall: Number of the stall.
        at_ns: ``perf_counter_ns``.
        cpu_ns: CPU time of the loop's thread; None where it cannot be read from another.
        stack: Innermost frame first.
    """

    stall: int
    at_ns: int
    cpu_ns: int | None
    stack: tuple[StackEntry, ...]


@dataclass(frozen=True, slots=True)
class Watched:
    """What was seen of a loop during one cell.

    Attributes:
        longest_ns: The longest time between two heartbeats.
        samples: Taken while the heartbeat was late.
    """

    longest_ns: int
    samples: tuple[StackSample, ...]


class Watchdog:
    """A thread that looks at a loop's heartbeat while it is asked to."""

    def __init__(self) -> None:
        self._watching = threading.Event()
        self._over = False
        self._thread = threading.Thread(target=self._look, name="parrot-watchdog", daemon=True)
        self._beat_ns = 0
        self._longest_ns = 0
        self._target = 0
        self._cpu_clock: int | None = None
        self._handle: asyncio.TimerHandle | None = None
        self._samples: list[StackSample] = []
        self._stall = 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self._over = True
        self._watching.set()
        self._thread.join()

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Watch the running loop; :meth:`seen` says afterwards what came of it."""
        loop = asyncio.get_running_loop()
        self._target = threading.get_ident()
        self._cpu_clock = _cpu_clock(self._target)
        self._samples, self._longest_ns = [], 0
        self._beat_ns = perf_counter_ns()
        self._handle = loop.call_later(BEAT_S, self._beat, loop)
        self._watching.set()
        try:
            yield
        finally:
            self._watching.clear()
            self._handle.cancel()
            # The last stall may have no heartbeat after it.
            self._note()

    def seen(self) -> Watched:
        """What was seen in the last cell."""
        return Watched(self._longest_ns, tuple(self._samples))

    def _beat(self, loop: asyncio.AbstractEventLoop) -> None:
        self._note()
        self._handle = loop.call_later(BEAT_S, self._beat, loop)

    def _note(self) -> None:
        now = perf_counter_ns()
        self._longest_ns = max(self._longest_ns, now - self._beat_ns)
        self._beat_ns = now

    # -- in the thread -------------------------------------------------------------------

    def _look(self) -> None:
        while True:
            self._watching.wait()
            if self._over:
                return
            beat = self._beat_ns
            if perf_counter_ns() - beat > LATE_NS:
                self._stall += 1
                self._sample_until_it_beats(beat)
            time.sleep(LOOK_S)

    def _sample_until_it_beats(self, beat: int) -> None:
        taken = 0
        while self._watching.is_set() and self._beat_ns == beat:
            stack = copied(sys._current_frames().get(self._target))  # noqa: SLF001  # no other way
            cpu = None if self._cpu_clock is None else time.clock_gettime_ns(self._cpu_clock)
            if self._beat_ns == beat:  # else the loop went on while the stack was copied
                self._samples.append(StackSample(self._stall, perf_counter_ns(), cpu, stack))
            taken += 1
            time.sleep(SAMPLE_S if taken < MANY else RARELY_S)


def _cpu_clock(thread: int) -> int | None:
    """The clock of a thread's CPU time, where another thread may read it."""
    clock = getattr(time, "pthread_getcpuclockid", None)
    return None if clock is None else clock(thread)
