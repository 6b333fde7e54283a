"""The load study in the timed process: level after level, and what has ended is told meanwhile."""

from collections import deque
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from time import monotonic

from parrot_bench.errors import MeasurementError
from parrot_bench.events import Call, CallsTaken, Event, Observed, Phase, Reply
from parrot_bench.execution import ExecutionMode
from parrot_bench.load import Level, LoadPlan
from parrot_bench.studies.bench import Bench
from parrot_bench.studies.caller import one_line
from parrot_bench.studies.concurrency.cells import settled_garbage
from parrot_bench.studies.load.engine import Engine
from parrot_bench.studies.load.looping import LoopThread
from parrot_bench.studies.load.slots import Slot
from parrot_bench.studies.load.told import LevelBegun, LevelEnded, ModeLeftOut

Events = Generator[Event, Reply, None]

TELL_S = 0.5
"""How often calls that have ended are told."""

WARM_UP = 2
"""Calls of each mode before its first level."""

PATIENCE_S = 20.0
"""How long a level may take to end, beyond its length and a call's time limit."""


def take(bench: Bench) -> Events:
    """Put the model under load; see :attr:`parrot_bench.studies.table.Study.take`."""
    plan = bench.request.load
    if plan is None:
        raise MeasurementError("no load was asked for; use parrot-bench load")
    reasons, number = dict[str, str](), 0
    with LoopThread(bench.request.loop) as loop:
        for mode, why in _loaded(bench):
            yield Phase(f"warming up {mode.name}")
            if reason := why or _warmed_up(bench, mode, loop):
                reasons[mode.name] = reason
                continue
            for level in plan.levels:
                with settled_garbage():
                    reply = yield from _level(bench, plan, mode, level, number, loop)
                number += 1
                if reply is Reply.ENOUGH:
                    return
    if not number:
        # Nothing was found, and nothing is kept.
        said = "; ".join(f"{mode}: {why}" for mode, why in reasons.items())
        raise MeasurementError(f"no mode could be loaded{': ' if said else ''}{said}")
    for mode_name, reason in reasons.items():
        yield Observed(ModeLeftOut(mode_name, reason))


def _loaded(bench: Bench) -> Iterator[tuple[ExecutionMode, str]]:
    """The modes, and why one of them cannot be loaded; floors only if they are asked for."""
    asked = bench.request.modes
    for mode in bench.usable:
        if mode.batches:
            yield mode, "its calls are batches; load invoke, ainvoke or a stream"
        elif mode.status != "floor" or mode.name in asked:
            yield mode, ""


def _warmed_up(bench: Bench, mode: ExecutionMode, loop: LoopThread) -> str:
    """Make a mode's first calls; the reason why it cannot be loaded, if they fail."""
    item = mode.prepare(bench.calls.prompt)
    for _ in range(WARM_UP):
        if not bench.budget.affords(1):
            return f"--max-calls {bench.budget.limit} leaves no call for it"
        bench.budget.spent += 1
        with ThreadPoolExecutor(1) as threads:
            slot = Slot(mode, bench.model, bench.calls, threads)
            slot.due(None)
            try:
                loop.submit(slot.call(item)).result(bench.calls.call_limit_s)
            except TimeoutError:
                return f"no reply within {bench.calls.call_limit_s:g} s"
            except Exception as error:  # noqa: BLE001  # a finding
                return one_line(error)
    return ""


def _level(  # noqa: PLR0917  # what a level is
    bench: Bench,
    plan: LoadPlan,
    mode: ExecutionMode,
    level: Level,
    number: int,
    loop: LoopThread,
) -> Generator[Event, Reply, Reply]:
    schedule = [] if level.closed else plan.schedule(level, (bench.request.seed or 0) + number)
    length_s = plan.level_s if plan.arrivals != "trace" or level.closed else schedule[-1]
    ended = deque[Call]()
    engine = Engine(
        new_slot=lambda threads: Slot(mode, bench.model, bench.calls, threads),
        item=mode.prepare(bench.calls.prompt),
        limit_s=bench.calls.call_limit_s,
        most=level.concurrency or plan.most_in_flight,
        budget=bench.budget,
        taken=ended.append,
    )
    due = None if level.closed else len(schedule)
    yield Phase(f"loading {mode.name} with {level}")
    yield Observed(LevelBegun(number, mode.name, level, due, length_s))
    reply = Reply.GO
    performed = loop.submit(engine.perform(level, schedule, length_s))
    patience = monotonic() + length_s + bench.calls.call_limit_s + PATIENCE_S
    try:
        while not wait([performed], TELL_S).done:
            if monotonic() > patience:
                raise MeasurementError(
                    f"{mode.name} with {level} does not end; does it block the event loop?"
                )
            if (yield CallsTaken(number, _all_of(ended))) is Reply.ENOUGH:
                reply = Reply.ENOUGH
                engine.stop()
    finally:
        engine.stop()
    performed.result()
    yield CallsTaken(number, _all_of(ended))
    yield Observed(LevelEnded(number=number, **vars(engine.window)))
    return reply


def _all_of(ended: "deque[Call]") -> tuple[Call, ...]:
    """Take out what has come so far, while more may come."""
    return tuple(ended.popleft() for _ in range(len(ended)))
