"""Whether the event loop stands still, and which line of code it stands at.

A heartbeat in the loop is due every millisecond. A thread looks at it every 5 ms, and while it
is over 20 ms late takes the loop thread's stack again and again. Nothing of this runs beside a
block that is compared; between two cells the thread sleeps without a timer.
"""

import asyncio
import os
import sys
import threading
import time
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter_ns
from types import TracebackType
from typing import Self

from parrot_bench.studies.concurrency.observations import LateSample
from parrot_bench.studies.concurrency.places import (
    StackEntry,
    caller_in,
    copied,
    culprit,
    is_idle,
    place,
)

BEAT_S = 0.001
LATE_NS = 20_000_000
"""A heartbeat that is later than this is looked into, unless asked otherwise."""

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
        cpu_ns: CPU time that the loop's thread had or waited for; None where it cannot be read.
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


def late_samples(samples: Iterable[StackSample], files: Collection[str]) -> Iterator[LateSample]:
    """Say of each stack which line is to blame for it; of an idle loop nothing.

    Args:
        samples: What was seen.
        files: Source files of the model's classes.
    """
    folder = str(Path.cwd())
    for sample in samples:
        if is_idle(sample.stack):
            continue
        blamed, caller = culprit(sample.stack), caller_in(sample.stack, files)
        yield LateSample(
            stall=sample.stall,
            at_ns=sample.at_ns,
            cpu_ns=sample.cpu_ns,
            place=place(blamed, folder, sys.path) if blamed else None,
            caller=place(caller, folder, sys.path) if caller else None,
        )


class Watchdog:
    """A thread that looks at a loop's heartbeat while it is asked to.

    Args:
        late_ns: A heartbeat that is later than this is looked into.
    """

    def __init__(self, late_ns: int = LATE_NS) -> None:
        self._late_ns = late_ns
        self._watching = threading.Event()
        self._reading = threading.Lock()
        self._over = False
        self._thread = threading.Thread(target=self._look, name="parrot-watchdog", daemon=True)
        self._beat_ns = 0
        self._longest_ns = 0
        self._target = 0
        self._wanting: Wanting | None = None
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
        self._wanting = Wanting()
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
            with self._reading:
                self._wanting.close()
                self._wanting = None

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
            if perf_counter_ns() - beat > self._late_ns:
                self._stall += 1
                self._sample_until_it_beats(beat)
            time.sleep(LOOK_S)

    def _sample_until_it_beats(self, beat: int) -> None:
        taken = 0
        while self._watching.is_set() and self._beat_ns == beat:
            stack = copied(sys._current_frames().get(self._target))  # noqa: SLF001  # no other way
            with self._reading:
                cpu = None if self._wanting is None else self._wanting.ns()
            if self._beat_ns == beat:  # else the loop went on while the stack was copied
                self._samples.append(StackSample(self._stall, perf_counter_ns(), cpu, stack))
            taken += 1
            time.sleep(SAMPLE_S if taken < MANY else RARELY_S)


class Wanting:
    """How long the thread that makes this has wanted a processor, read from another thread.

    On Linux that is what it had and what it waited for, without which a thread that computes
    could not be told from one that sleeps on a crowded machine; elsewhere what it had.
    """

    def __init__(self) -> None:
        clock = getattr(time, "pthread_getcpuclockid", None)
        self._clock: int | None = None if clock is None else clock(threading.get_ident())
        self._file: int | None = None
        with suppress(OSError):
            name = f"/proc/self/task/{threading.get_native_id()}/schedstat"
            self._file = os.open(name, os.O_RDONLY)

    def ns(self) -> int | None:
        """Nanoseconds since some moment; None where that cannot be known."""
        if self._file is not None:
            had, waited, *_ = os.pread(self._file, 64, 0).split()
            return int(had) + int(waited)
        return None if self._clock is None else time.clock_gettime_ns(self._clock)

    def close(self) -> None:
        """Not to be read any more."""
        if self._file is not None:
            os.close(self._file)
