"""Blocks, clocks and limits: how a sample is taken."""

import asyncio
import gc
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest

from parrot_bench.timing import (
    Async,
    CallLimitExceeded,
    FrozenGarbage,
    Sync,
    call_limit,
    open_clocks,
)


def sync_call(seen: list[Any]) -> Callable[[Any], None]:
    return seen.append


def async_call(seen: list[Any]) -> Callable[[Any], Any]:
    async def call(item: Any) -> None:
        seen.append(item)

    return call


@pytest.fixture(params=["sync", "async"])
def clock_and_call(request: pytest.FixtureRequest) -> Iterator[tuple[Any, Any]]:
    call = sync_call if request.param == "sync" else async_call
    with open_clocks() as clocks:
        yield clocks["sync" if request.param == "sync" else "async"], call


def test_a_block_primes_then_times_every_unit_once(clock_and_call: tuple[Any, Any]) -> None:
    clock, make = clock_and_call
    seen: list[Any] = []
    reading = clock.reading(make(seen), "prompt", 2, 3)
    assert seen == ["prompt"] * 5
    assert reading.wall_ns > 0
    assert reading.cpu_ns > 0
    assert reading.cold_ns is not None
    assert reading.cold_ns > 0
    assert reading.stamps == ()


def test_an_unprimed_block_has_no_cold_call(clock_and_call: tuple[Any, Any]) -> None:
    clock, make = clock_and_call
    assert clock.reading(make([]), "prompt", 0, 1).cold_ns is None


def test_only_what_follows_the_priming_is_timed(clock_and_call: tuple[Any, Any]) -> None:
    clock, make = clock_and_call
    seen: list[float] = []
    call = make(seen)
    before = time.perf_counter_ns()
    # Two quick calls after one that takes longer than both may.
    slow = [True]

    def pause(item: Any) -> Any:
        if slow.pop() if slow else False:
            time.sleep(0.05)
        return call(item)

    reading = clock.reading(pause, "prompt", 1, 2)
    assert len(seen) == 3
    assert reading.cold_ns >= 50_000_000
    assert reading.wall_ns + reading.cold_ns <= time.perf_counter_ns() - before


def test_a_block_of_one_call_is_a_latency(clock_and_call: tuple[Any, Any]) -> None:
    clock, make = clock_and_call
    reading = clock.reading(make([]), "prompt", 1, 1)
    assert len(reading.stamps) == 2
    assert reading.stamps[1] - reading.stamps[0] == reading.wall_ns


def test_stamps_are_chained(clock_and_call: tuple[Any, Any]) -> None:
    clock, make = clock_and_call
    seen: list[Any] = []
    reading = clock.stamped(make(seen), "prompt", 1, 3)
    assert seen == ["prompt"] * 4
    assert len(reading.stamps) == 4
    assert list(reading.stamps) == sorted(reading.stamps)
    assert reading.wall_ns == reading.stamps[-1] - reading.stamps[0]


def test_wall_and_cpu_tell_waiting_from_working() -> None:
    clock = Sync()

    def work(_: Any) -> None:
        end = time.process_time_ns() + 3_000_000
        while time.process_time_ns() < end:
            pass

    waited = clock.reading(lambda _: time.sleep(0.01), None, 0, 1)
    worked = clock.reading(work, None, 0, 1)
    assert waited.wall_ns >= 10_000_000
    assert waited.cpu_ns < waited.wall_ns / 2
    assert worked.cpu_ns >= 3_000_000


def test_async_blocks_share_one_loop() -> None:
    loops = set()

    async def call(_: Any) -> None:
        loops.add(asyncio.get_running_loop())

    clock = Async()
    for _ in range(3):
        clock.reading(call, None, 1, 2)
        clock.once(call, None)
    clock.close()
    assert len(loops) == 1


def test_errors_pass_through(clock_and_call: tuple[Any, Any]) -> None:
    clock, _ = clock_and_call

    def fail(_: Any) -> Any:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        clock.reading(fail, None, 0, 1)


needs_timer = pytest.mark.skipif(
    not hasattr(signal, "setitimer"), reason="no interval timer on this platform"
)


@needs_timer
def test_a_sync_call_that_hangs_is_stopped() -> None:
    with pytest.raises(CallLimitExceeded, match=r"0\.05 s"), call_limit(0.05):
        Sync().once(lambda _: time.sleep(30), None)


@needs_timer
@pytest.mark.parametrize("blocking", [False, True])
def test_an_async_call_that_hangs_is_stopped_and_the_next_one_works(blocking: bool) -> None:
    async def hang(_: Any) -> None:
        if blocking:
            time.sleep(30)  # noqa: ASYNC251  # a model that blocks the loop is the point
        await asyncio.sleep(30)

    async def answer(item: Any) -> Any:
        return item

    clock = Async()
    with pytest.raises(CallLimitExceeded), call_limit(0.05):
        clock.once(hang, None)
    assert clock.once(answer, "still here") == "still here"
    clock.close()


@needs_timer
def test_code_that_catches_every_exception_does_not_swallow_the_limit() -> None:
    def stubborn(_: Any) -> None:
        for _attempt in range(3):
            with suppress(Exception):  # what retrying code does
                time.sleep(30)

    with pytest.raises(CallLimitExceeded), call_limit(0.05):
        Sync().once(stubborn, None)


@needs_timer
def test_a_limit_that_is_reached_while_garbage_is_collected_is_not_lost() -> None:
    # pytest makes an error of what a callback of the collector raises.
    def collected(phase: str, _info: dict[str, int]) -> None:
        if phase == "stop":
            signal.raise_signal(signal.SIGALRM)

    def collect_and_hang(_: Any) -> None:
        gc.callbacks.append(collected)
        try:
            gc.collect()
        finally:
            gc.callbacks.remove(collected)
        time.sleep(30)

    with pytest.raises(CallLimitExceeded), call_limit(5):
        Sync().once(collect_and_hang, None)


@needs_timer
def test_the_limit_leaves_no_timer_and_no_handler_behind() -> None:
    before = signal.getsignal(signal.SIGALRM)
    with call_limit(5):
        pass
    assert signal.getsignal(signal.SIGALRM) == before
    assert signal.getitimer(signal.ITIMER_REAL)[0] == 0


def test_garbage_is_frozen_and_thawed() -> None:
    assert gc.isenabled()
    with FrozenGarbage() as garbage:
        assert not gc.isenabled()
        assert gc.get_freeze_count() > 0
        garbage.between_rounds()
    assert gc.isenabled()
    assert gc.get_freeze_count() == 0


def test_collecting_between_rounds_keeps_to_its_share(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0
    collected = []

    def clock() -> int:
        return now

    def collect() -> int:
        nonlocal now
        collected.append(now)
        now += 1_000_000  # each takes 1 ms, so one in 50 ms is 2 %
        return 0

    with FrozenGarbage() as garbage:
        monkeypatch.setattr("parrot_bench.timing.perf_counter_ns", clock)
        monkeypatch.setattr("parrot_bench.timing.gc.collect", collect)
        for _ in range(1000):
            now += 1_000_000
            garbage.between_rounds()
        monkeypatch.undo()
    assert 19 <= len(collected) <= 21
