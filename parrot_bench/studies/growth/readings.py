"""How the growth study takes its readings: many calls of each mode, and a look after each stretch.

A handler is attached to every call: ours, and after it each one that was named. What is grown
by the first calls (caches, pools of threads, code that is compiled at its first use) is not
growth: a tenth of the calls goes before the first reading that counts. Garbage is collected
before each reading, so that what waits for the collector is not growth either.
"""

import gc
import sys
import threading
from collections import Counter
from collections.abc import Generator
from contextlib import ExitStack
from dataclasses import dataclass, field
from time import monotonic

import psutil

from parrot_bench.errors import MeasurementError
from parrot_bench.events import Event, ModeDropped, Observed, Phase, Reply
from parrot_bench.execution import ExecutionMode
from parrot_bench.record.tracing import NO_OP
from parrot_bench.studies.bench import Bench, Calls
from parrot_bench.studies.caller import Caller, one_line
from parrot_bench.studies.tracing.listeners import Listener, named_handler, our_handler
from parrot_bench.studies.tracing.told import LeftOut
from parrot_bench.timing import CallLimitExceeded, settled_garbage
from parrot_callbacks.errors import TracingError

STRETCHES = 20
"""Readings that count, the first aside."""

WARM_STRETCHES = 2
"""Stretches before the first reading that counts."""

MIN_CALLS = 100
"""A mode that can have fewer is left out: five calls a stretch."""

BLOCK_NS = 50_000_000
"""Calls are made in blocks of about this wall time, under one time limit each."""

SHARE = 0.8
"""Share of the time that is planned for; the rest is for readings and bad guesses."""

LEARNING_UNITS = 10
"""Units from which the time of a call is learned."""

GIVE_UP_AFTER = 3
"""Blocks that may raise before a mode is left out."""

Events = Generator[Event, Reply, None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """One reading.

    Attributes:
        mode: Name of the mode.
        handler: The handler that was named; empty for ours.
        calls: Calls so far, warm-up included.
        counts: It comes after the warm-up.
        memory: Resident memory of the process, bytes.
        objects: Blocks that Python's allocator has handed out.
        threads: Threads of the process that Python knows.
        tasks: Tasks of the event loop that are not done.
        open_spans: Spans that have started and not ended.
        open_calls: Runs that our handler keeps; 0 for others.
        errors: Errors so far, by type.
    """

    mode: str
    handler: str
    calls: int
    counts: bool
    memory: int
    objects: int
    threads: int
    tasks: int
    open_spans: int
    open_calls: int
    errors: dict[str, int]


Observation = Looked | LeftOut
"""What the study tells."""


@dataclass(kw_only=True)
class Runner:
    """One mode with one handler.

    Attributes:
        mode: The mode.
        listener: What listens.
        caller: What makes its calls.
        stretch: Units from one reading to the next.
        failures: Blocks that raised, by error type.
    """

    mode: ExecutionMode
    listener: Listener
    caller: Caller
    stretch: int = 0
    failures: Counter[str] = field(default_factory=Counter)

    @property
    def handler(self) -> str:
        """Empty for ours."""
        return "" if self.listener.case == NO_OP else self.listener.case

    @property
    def name(self) -> str:
        """For messages."""
        return f"{self.mode.name} with {self.handler}" if self.handler else self.mode.name

    @property
    def wall_ns(self) -> int:
        """What one unit takes."""
        return max(self.caller.unit_ns, 1)


def take(bench: Bench) -> Events:
    """Ask whether anything grows; see :attr:`parrot_bench.studies.table.Study.take`."""
    try:
        with ExitStack() as stack:
            listeners = [our_handler(stack, NO_OP)]
            listeners += [named_handler(stack, spec) for spec in bench.request.handlers]
            yield from _grown(bench, listeners)
    except TracingError as error:
        raise MeasurementError(str(error)) from error


def _grown(bench: Bench, listeners: list[Listener]) -> Events:
    if bound := bench.budget.refusing(MIN_CALLS):
        raise MeasurementError(
            f"{bound} leaves fewer than {MIN_CALLS} calls for the growth study; raise it"
        )
    end = monotonic() + bench.time_s * SHARE
    runners: list[Runner] = []
    for listener in listeners:
        for mode in (mode for mode in bench.usable if mode.status != "floor"):
            yield Phase(f"warming up {mode.name} for the growth study")
            try:
                runner = _learned(bench, mode, listener)
            except (Exception, CallLimitExceeded) as error:  # noqa: BLE001  # any model's
                yield _dropped(mode, listener, one_line(error))
                continue
            if untold := runner.caller.untold:
                yield _dropped(mode, listener, untold)
            else:
                runners.append(runner)
    if not runners:
        raise MeasurementError("no mode could be called")
    left_out = dict[str, str]()
    made = 0
    over = False
    # Quick modes first: they leave their time to slow ones. The machine may have changed its
    # pace in the meantime, so that each is planned for at its turn.
    runners.sort(key=lambda one: one.wall_ns / one.caller.calls_per_unit)
    with settled_garbage():
        for index, runner in enumerate(runners):
            others = len(runners) - index
            why = plan(runner, others, max(0.0, end - monotonic()), bench)
            if why or over:
                left_out[runner.name] = why or "the time was over before its turn"
                yield Observed(LeftOut(runner.name, left_out[runner.name]))
                continue
            made += 1
            yield Phase(f"calling {runner.name} {calls_planned(runner)} times")
            over = yield from _run(bench, runner)
    if not made:
        raise MeasurementError(next(iter(left_out.values())))


def _learned(bench: Bench, mode: ExecutionMode, listener: Listener) -> Runner:
    """Make the first calls, and learn what one takes."""
    with listener.attach() as callbacks:
        calls = Calls(**{**vars(bench.calls), "config": {"callbacks": list(callbacks)}})
        caller = Caller(mode, bench.model, calls, bench.clocks[mode.kind], bench.budget)
        caller.observe()
        if caller.unit_ns * STRETCHES < bench.time_s * 1e9:
            caller.warm_up(LEARNING_UNITS)
    return Runner(mode=mode, listener=listener, caller=caller)


def plan(runner: Runner, others: int, left_s: float, bench: Bench) -> str:
    """Choose how many calls a mode makes: as many as asked for, or as many as its share pays for.

    Args:
        runner: The mode; its stretch is set.
        others: Modes that are still to come, itself included.
        left_s: Time that is left to all of them, seconds.
        bench: What every study is given.

    Returns:
        Why it can have too few; empty when it has enough.
    """
    size = runner.caller.calls_per_unit
    in_all = STRETCHES + WARM_STRETCHES
    asked = -(-bench.request.growth_calls // (STRETCHES * size))
    runner.stretch = min(asked, int(left_s * 1e9 / others / runner.wall_ns / in_all))
    option = "--time"
    left = bench.budget.left
    if left is not None:
        paid = left // others // size // in_all
        if paid < runner.stretch:
            bound = bench.budget.refusing(left + 1)
            runner.stretch, option = paid, bound.partition(" ")[0]
    if calls_planned(runner) >= min(MIN_CALLS, asked * STRETCHES * size):
        return ""
    return (
        f"its share pays for {calls_planned(runner)} calls of {runner.mode.name}, and fewer than "
        f"{MIN_CALLS} say nothing; raise {option}"
    )


def calls_planned(runner: Runner) -> int:
    """Calls that count."""
    return runner.stretch * STRETCHES * runner.caller.calls_per_unit


def _run(bench: Bench, runner: Runner) -> Generator[Event, Reply, bool]:
    """Make the calls of one mode; returns whether the study's time is over."""
    over = False
    with runner.listener.attach() as callbacks:
        if runner.listener.patches:
            # A bound method found before LangChain was changed would not be the changed one.
            calls = Calls(**{**vars(bench.calls), "config": {"callbacks": list(callbacks)}})
            clock = bench.clocks[runner.mode.kind]
            fresh = Caller(runner.mode, bench.model, calls, clock, bench.budget)
            fresh.unit_ns = runner.caller.unit_ns
            runner.caller = fresh
        done = 0
        for number in range(WARM_STRETCHES + STRETCHES):
            reason = _stretch(bench, runner)
            if reason:
                yield _dropped(runner.mode, runner.listener, reason)
                return over
            done += runner.stretch * runner.caller.calls_per_unit
            looked = _look(bench, runner, done, counts=number >= WARM_STRETCHES - 1)
            over = (yield Observed(looked)) is Reply.ENOUGH
            if over:
                break
    return over


def _stretch(bench: Bench, runner: Runner) -> str:
    """Make the calls from one reading to the next; a reason to stop, or nothing."""
    caller = runner.caller
    per_block = max(1, int(BLOCK_NS / runner.wall_ns))
    caller.primed = 0
    left = runner.stretch
    while left:
        caller.units = min(per_block, left)
        if bound := bench.budget.refusing(caller.calls_per_block):
            return f"{bound} is used up"
        try:
            caller.block(stamped=False)
        except (Exception, CallLimitExceeded) as error:  # noqa: BLE001  # any model's
            runner.failures[type(error).__name__] += 1
            limit = isinstance(error, CallLimitExceeded)
            if limit or runner.failures.total() >= GIVE_UP_AFTER:
                return one_line(error)
        left -= caller.units
    return ""


def _look(bench: Bench, runner: Runner, calls: int, *, counts: bool) -> Looked:
    gc.collect()
    counter, handler = runner.listener.counter, runner.listener.handler
    return Looked(
        mode=runner.mode.name,
        handler=runner.handler,
        calls=calls,
        counts=counts,
        memory=psutil.Process().memory_info().rss,
        objects=sys.getallocatedblocks(),
        threads=threading.active_count(),
        tasks=bench.clocks["async"].tasks,
        open_spans=counter.open if counter is not None else 0,
        open_calls=handler.open_runs if handler is not None else 0,
        errors=dict(runner.failures),
    )


def _dropped(mode: ExecutionMode, listener: Listener, reason: str) -> Event:
    if listener.case == NO_OP:
        return ModeDropped(mode.name, reason)
    return Observed(LeftOut(f"{mode.name} with {listener.case}", reason))
