"""What makes a level's calls: at their times in an open loop, one after another in a closed one.

It runs in an event loop and a thread of its own, because a level may take minutes and what has
ended meanwhile is to be told. It adds to a call one task, one entry in a counter and three
readings of a clock; ``tests/benchmarks/test_load.py`` holds it against a bare loop.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import perf_counter_ns, process_time_ns, time_ns
from typing import Any

from parrot_bench.events import Call
from parrot_bench.load import Level
from parrot_bench.studies.bench import Budget
from parrot_bench.studies.in_flight import InFlight
from parrot_bench.studies.load.orders import WHOLE, Part
from parrot_bench.studies.load.slots import Slot, is_rate_limit
from parrot_bench.studies.load.told import Window
from parrot_bench.timing import run_queue_ns

TIME_LIMIT = "CallLimitExceeded"
"""Error of a call that was stopped at its time limit."""

UNFINISHED = "unfinished"
"""Error of a call that had not ended when the level was over and its time limit had passed."""

BEAT_S = 0.01
SWEEP_S = 0.25
LAST_WAIT_S = 5.0
"""How long calls may take to notice that they are given up."""


@dataclass
class Engine:
    """Makes the calls of one level.

    Attributes:
        new_slot: Makes what makes calls.
        items: What one call after the other is given, without an end.
        limit_s: Time limit of a call, seconds.
        most: Calls in flight, at most.
        budget: Counts the calls.
        taken: Told of each call that has ended.
        windows: What is seen beside them, one a step of the load.
    """

    new_slot: Callable[[ThreadPoolExecutor], Slot]
    items: Iterator[Any]
    limit_s: float
    most: int
    budget: Budget
    taken: Callable[[Call], None]
    windows: list[Window] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._threads = ThreadPoolExecutor(self.most, thread_name_prefix="parrot-load")
        self._free: list[Slot] = []
        self._running: dict[Slot, asyncio.Task[Any]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._flying = InFlight()
        self._busy_ns = 0
        self._unpaid = 0
        self._over = False

    def stop(self) -> None:
        """Make no further call, and give up those in flight; from any thread."""
        self._over = True

    async def perform(
        self, level: Level, schedule: Sequence[float], level_s: float, part: Part = WHOLE
    ) -> None:
        """Make the calls of a level, and wait for those in flight at its end.

        Args:
            level: The load.
            schedule: When calls of an open loop are due, seconds after its beginning, rising.
            level_s: How long it is kept up, seconds.
            part: Which part of it is made here, and from when on; the schedule is that part's.
        """
        if part.begin_ns is not None:
            await self._until(part.begin_ns)
        watching = [asyncio.create_task(each) for each in (self._beat(), self._sweep())]
        # Whoever comes late is late with its calls, and has not begun later.
        begun_ns = perf_counter_ns() if part.begin_ns is None else part.begin_ns
        if level.closed:
            await self._closed([part.share(step) for step in level.steps], begun_ns, level_s)
        else:
            await self._open(schedule, begun_ns, level_s)
        await self._drain()
        for task in watching:
            task.cancel()
        # A thread that hangs in a call that was given up is not waited for.
        self._threads.shutdown(wait=False, cancel_futures=True)

    # -- the two kinds of loop -----------------------------------------------------------

    @contextmanager
    def _window(self, begun_ns: int) -> Iterator[None]:
        """Look at what is beside the calls, while it is open."""
        window = Window(begun_ns=begun_ns, epoch_ns=time_ns() + begun_ns - perf_counter_ns())
        self.windows.append(window)
        self._flying.begin()
        busy_ns = process_time_ns() + run_queue_ns()
        yield
        window.ended_ns = perf_counter_ns()
        window.busy_ns = process_time_ns() + run_queue_ns() - busy_ns
        self._flying.look()
        window.in_flight = self._flying.average(window.ended_ns - window.begun_ns)
        window.peak = self._flying.peak

    async def _open(self, schedule: Sequence[float], begun_ns: int, level_s: float) -> None:
        room = asyncio.Semaphore(self.most)
        with self._window(begun_ns):
            for at in schedule:
                due_ns = begun_ns + round(at * 1e9)
                if not await self._until(due_ns):
                    # It is late: those that were due before have to get on, too.
                    await asyncio.sleep(0)
                if self._over or not self._paid():
                    return
                self._launch(self._when_there_is_room(room, due_ns))
            await self._until(begun_ns + round(level_s * 1e9))

    async def _when_there_is_room(self, room: asyncio.Semaphore, due_ns: int) -> None:
        try:
            await room.acquire()
        except asyncio.CancelledError:
            slot = self.new_slot(self._threads)
            slot.due(due_ns)
            self._told(slot.failed(UNFINISHED))
            return
        try:
            await self._one(due_ns)
        finally:
            room.release()

    async def _closed(self, steps: Sequence[int], begun_ns: int, level_s: float) -> None:
        level_ns, callers = round(level_s * 1e9), 0
        for number, concurrency in enumerate(steps):
            # A step begins when the one before has ended, however late that was: each call is of
            # one step.
            with self._window(self.windows[-1].ended_ns if number else begun_ns):
                for _ in range(concurrency - callers):
                    self._launch(self._one_after_another(begun_ns + level_ns))
                callers = concurrency
                end_ns = begun_ns + level_ns * (number + 1) // len(steps)
                while (left_ns := end_ns - perf_counter_ns()) > 0 and not self._over:
                    if self._tasks:
                        await asyncio.wait(self._tasks, timeout=min(SWEEP_S, left_ns / 1e9))
                    elif callers:
                        return  # they have no call left
                    else:
                        await self._until(end_ns)
            if self._over:
                return

    async def _one_after_another(self, end_ns: int) -> None:
        while perf_counter_ns() < end_ns and not self._over and self._paid():
            await self._one(None)
            # A model that never waits would not let the others have their turn.
            await asyncio.sleep(0)

    def _paid(self) -> bool:
        affords = self.budget.affords(1, in_flight=self._unpaid)
        self.budget.spent += affords
        self._unpaid += affords
        return affords

    def _told(self, call: Call) -> None:
        self._unpaid -= 1
        self.budget.pay(call)
        self.taken(call)

    def _launch(self, calls: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(calls)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _until(self, at_ns: int) -> bool:
        """Wait until a time, or until somebody stops it; False if it is over already."""
        waited = False
        # It is stopped from another thread, which cannot set an event of this loop.
        while (left_s := (at_ns - perf_counter_ns()) / 1e9) > 0 and not self._over:
            await asyncio.sleep(min(left_s, SWEEP_S))
            waited = True
        return waited

    # -- one call ------------------------------------------------------------------------

    async def _one(self, due_ns: int | None) -> None:
        slot = self._free.pop() if self._free else self.new_slot(self._threads)
        task = asyncio.current_task()
        assert task is not None  # noqa: S101  # in a coroutine there is one
        slot.due(due_ns)
        self._running[slot] = task
        self._flying.enter()
        raw: Any = None
        error: BaseException | None = None
        try:
            raw = await slot.call(next(self.items))
        except asyncio.CancelledError as cancelled:
            if not slot.given_up:
                raise
            # It was this call that was given up, and not what makes one after another.
            task.uncancel()
            error = cancelled
        except Exception as raised:  # noqa: BLE001  # errors are data
            error = raised
        finally:
            self._flying.leave()
            del self._running[slot]
        if error is None:
            self._told(slot.answered(raw))
        elif slot.given_up:
            self._told(slot.failed(slot.given_up))
            return  # a thread may still be in it
        else:
            self._told(slot.failed(type(error).__name__, rate_limited=is_rate_limit(error)))
        self._free.append(slot)

    # -- beside them ---------------------------------------------------------------------

    async def _sweep(self) -> None:
        """Give up calls at their time limit: one timer for all costs them nothing."""
        while True:
            await asyncio.sleep(min(SWEEP_S, self.limit_s / 4))
            late_ns = perf_counter_ns() - round(self.limit_s * 1e9)
            self._give_up([s for s in self._running if s.begun_ns <= late_ns], TIME_LIMIT)

    def _give_up(self, slots: Sequence[Slot], why: str) -> None:
        for slot in slots:
            if not slot.given_up:
                slot.given_up = why
                self._running[slot].cancel()

    async def _beat(self) -> None:
        """Note how late the event loop is."""
        while True:
            due_ns = perf_counter_ns() + round(BEAT_S * 1e9)
            await asyncio.sleep(BEAT_S)
            if self.windows:
                window = self.windows[-1]
                window.lag_ns = max(window.lag_ns, perf_counter_ns() - due_ns)

    async def _drain(self) -> None:
        """Wait for what is in flight, as long as a call may take."""
        end_ns = perf_counter_ns() + round((self.limit_s + SWEEP_S) * 1e9)
        while self._tasks and perf_counter_ns() < end_ns and not self._over:
            await asyncio.wait(self._tasks, timeout=SWEEP_S)
        self._over = True
        self._give_up(list(self._running), UNFINISHED)
        begun = set(self._running.values())
        for task in self._tasks - begun:
            task.cancel()  # it waits for room
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=LAST_WAIT_S)
        for slot in list(self._running):
            self._told(slot.failed(UNFINISHED))  # it swallows its cancellation
