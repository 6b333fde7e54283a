"""Everyone who times the same function: ours by way of the mode table, `timeit`, pyperf.

Each says what one call took, in nanoseconds. They are as their users meet them: ours with the
blocks that a run has, pyperf through its runner. pytest-benchmark needs a test around it.
"""

import asyncio
import io
import timeit
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from itertools import count, cycle, repeat
from time import perf_counter_ns
from typing import Any, Literal, TypeVar

import pyperf

from parrot_bench.loading import load_parrot
from parrot_bench.studies.bench import Budget, Calls
from parrot_bench.studies.caller import Caller
from parrot_bench.timing import Async, Sync, call_limit
from tests.verify.functions import Call, Take, as_mode

T = TypeVar("T")

LOOPS = 50
"""Places in memory from which timeit's loop runs in turn."""

WARM_UNITS = 200
"""As many units as a run's warm-up may take."""

ITEM = "prompt"
"""What every call is given, whoever times it: with None, which a no-op also returns, timeit found
the no-op 9 % slower than with a string, as every step counts the same object's references."""

LIMIT_S = 60.0
"""The time limit around a block of ours, and so around one of timeit's: setting a timer is a
system call, after which `timeit` itself found a no-op 0.8-0.9 % quicker on a busy machine."""


def our_caller(call: Call, clock: Sync | Async) -> Caller:
    """Return a function as an execution mode, warmed up as a run does it.

    Args:
        call: The function; a coroutine function where the clock is asynchronous.
        clock: Takes the readings.
    """
    mode = as_mode("f", call, "async" if isinstance(clock, Async) else "sync")
    caller = Caller(mode, load_parrot(1).model, Calls(prompt=ITEM), clock, Budget(None))
    caller.observe()
    caller.warm_up(WARM_UNITS)
    caller.shape()
    return caller


def timed_by_us(caller: Caller, clock: Literal["wall", "cpu"]) -> Take:
    """Return a block of a caller, read from one of its clocks."""

    def take() -> float:
        reading = caller.block(stamped=False)
        return (reading.wall_ns if clock == "wall" else reading.cpu_ns) / caller.units

    return take


def timed_by_timeit(call: Call, caller: Caller, timer: Callable[[], int] = perf_counter_ns) -> Take:
    """Return `timeit` with the blocks of a caller.

    Args:
        call: The function.
        caller: Whose blocks it has.
        timer: Its clock: wall time, or `process_time_ns`.
    """
    # Names made in the setup are local to timeit's loop, as they are to ours.
    names = {"call": call, "item": ITEM}
    timers = _in_turn(lambda: timeit.Timer("f(x)", "f = call; x = item", timer, names))

    def take() -> float:
        timed = next(timers)
        with call_limit(LIMIT_S):
            timed.timeit(caller.primed)
            return timed.timeit(caller.units) / caller.units

    return take


def awaited_by_timeit(call: Call, caller: Caller, loop: asyncio.AbstractEventLoop) -> Take:
    """Return what `timeit` would do if it could await: its template, with two words more.

    It primes within its one coroutine, as we do: run by a loop a second time it was 0.08 % slower
    with 20 µs, and awaited by two coroutines more a no-op was 1.5-3 % slower.

    Args:
        call: The function.
        caller: Whose blocks it has.
        loop: Ours.
    """
    # Indented as timeit indents a setup.
    setup = "f = call; x = item\n    for _ in repeat(None, primed): await f(x)"
    source = timeit.template.replace("def ", "async def ").format(
        init="", setup=setup, stmt="await f(x)"
    )

    def compiled() -> Any:
        names = {"call": call, "item": ITEM, "primed": caller.primed, "repeat": repeat}
        exec(compile(source, "<timeit, awaiting>", "exec"), names)  # as timeit does
        return names["inner"]

    inners = _in_turn(compiled)

    def take() -> float:
        block = next(inners)(repeat(None, caller.units), perf_counter_ns)
        with call_limit(LIMIT_S):
            return float(loop.run_until_complete(block)) / caller.units

    return take


def _in_turn(compiled: Callable[[], T]) -> Iterator[T]:
    """Make a loop many times, and hand them out in turn.

    Two timers of the same no-op differed by 3 % for as long as they lived, by where their code
    lay; so each lies among other neighbours. They are made before anything is timed, as ours was:
    just after a compilation a block of 20 µs each was 0.2 % slower, under us as under timeit.
    """
    made = []
    for number in range(LOOPS):
        neighbour = bytes(number * 64 % 4032)
        made.append((compiled(), neighbour))
    return cycle([each for each, _ in made])


class PyperfWorker:
    """Values of a pyperf worker, taken in this process.

    pyperf itself starts processes. So that it stands in the same rounds as the others, its
    runner is told that this one is such a worker; there can be one runner a process.
    """

    def __init__(self) -> None:
        self._number = count()
        self._runner = pyperf.Runner()
        self._runner.parse_args(["--worker", "--quiet", "--loops=1", "--values=1", "--warmups=1"])

    def timing(self, call: Call, caller: Caller) -> Take:
        """Return pyperf's value of as many calls as a block of the caller has."""

        def take() -> float:
            self._runner.args.loops = caller.units
            with redirect_stdout(io.StringIO()):
                bench = self._runner.bench_func(f"value {next(self._number)}", call, ITEM)
            return float(bench.get_values()[0]) * 1e9

        return take
