"""The load study in the timed process: level after level, and what has ended is told meanwhile."""

from collections import deque
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from time import monotonic, perf_counter_ns

from parrot_bench.calls import CallTable
from parrot_bench.errors import MeasurementError
from parrot_bench.events import Call, CallsTaken, Event, Observed, Phase, Reply
from parrot_bench.execution import ExecutionMode
from parrot_bench.load import Level, LoadPlan
from parrot_bench.studies.bench import Bench
from parrot_bench.studies.caller import one_line
from parrot_bench.studies.kept_replies import NO_TOKENS
from parrot_bench.studies.load.engine import Engine
from parrot_bench.studies.load.exporting import exported
from parrot_bench.studies.load.looping import LoopThread
from parrot_bench.studies.load.ordering import Kept, level_by_level
from parrot_bench.studies.load.orders import WHOLE, Done, Orders, Part, WarmUp
from parrot_bench.studies.load.slots import Slot
from parrot_bench.studies.load.told import LevelBegun, LevelEnded, ModeLeftOut, UsedUp
from parrot_bench.timing import settled_garbage

Events = Generator[Event, Reply, None]

TELL_S = 0.5
"""How often calls that have ended are told."""

WARM_UP = 2
"""Calls of each mode before its first level."""

PATIENCE_S = 20.0
"""How long a level may take to end, beyond its length and a call's time limit."""


class _EnoughError(Exception):
    """Whoever listens wants no more."""


def take(bench: Bench) -> Events:
    """Put the model under load; see :attr:`parrot_bench.studies.table.Study.take`."""
    plan = bench.request.load
    if plan is None:
        raise MeasurementError("no load was asked for; use parrot-bench load")
    with LoopThread(bench.request.loop) as loop, exported(bench) as (followed, exporting):
        loading = Loading(followed, plan, loop)
        yield from loading.events() if bench.orders is None else loading.by_orders(bench.orders)
        if exporting is not None:
            for sent in exporting.close():
                yield Observed(sent)


class Loading:
    """The load study of one model.

    Args:
        bench: What it is given.
        plan: What is asked for.
        loop: Where calls are made.
    """

    def __init__(self, bench: Bench, plan: LoadPlan, loop: LoopThread) -> None:
        self._bench = bench
        self._plan = plan
        self._loop = loop
        self._levels = 0

    def events(self) -> Events:
        """Load one mode after the other.

        Yields:
            Levels as they begin and end, and their calls.

        Raises:
            MeasurementError: No mode could be loaded.
        """
        reasons: dict[str, str] = {}
        try:
            for mode, why in self._modes():
                yield Phase(f"warming up {mode.name}")
                if reason := why or self._warmed_up(mode):
                    reasons[mode.name] = reason
                else:
                    yield from level_by_level(
                        mode.name, self._plan, self._next_level, self._used_up
                    )
        except _EnoughError:
            return
        if bound := self._used_up():
            yield Observed(UsedUp(bound))
        if not self._levels:
            # Nothing was found, and nothing is kept.
            said = "; ".join(f"{name}: {why}" for name, why in reasons.items())
            raise MeasurementError(f"no mode could be loaded{': ' if said else ''}{said}")
        for name, reason in reasons.items():
            yield Observed(ModeLeftOut(name, reason))

    def _modes(self) -> Iterator[tuple[ExecutionMode, str]]:
        """The modes, and why one of them cannot be loaded; floors only if they are asked for."""
        for mode in self._bench.usable:
            if mode.batches:
                yield mode, "its calls are batches; load invoke, ainvoke or a stream"
            elif mode.status != "floor" or mode.name in self._bench.request.modes:
                yield mode, ""

    def _warmed_up(self, mode: ExecutionMode) -> str:
        """Make a mode's first calls; the reason why it cannot be loaded, if they fail."""
        bench = self._bench
        threads = ThreadPoolExecutor(1)
        slot = Slot(mode, bench.model, bench.calls, threads)
        item = mode.prepare(next(self._plan.asked(bench.request.prompt, 0)))
        try:
            for _ in range(WARM_UP):
                if bound := bench.budget.used_up:
                    return f"{bound} leaves no call for it"
                bench.budget.spent += 1
                slot.due(None)
                raw = self._loop.submit(slot.call(item)).result(bench.calls.call_limit_s)
                bench.budget.pay(call := slot.answered(raw))
                if bench.budget.tokens is not None and None in {call.tokens, call.input_tokens}:
                    return NO_TOKENS
        except TimeoutError:
            return f"no reply within {bench.calls.call_limit_s:g} s"
        except Exception as error:  # noqa: BLE001  # a finding
            return one_line(error)
        finally:
            threads.shutdown(wait=False)
        return ""

    def _used_up(self) -> str:
        return self._bench.budget.used_up

    def by_orders(self, orders: Orders) -> Events:
        """Do as one of several processes what it is told to.

        Args:
            orders: Where the orders come from.

        Yields:
            Its own part of levels as they begin and end, and their calls.
        """
        modes = {mode.name: mode for mode in self._bench.usable}
        done = Done(used_up=self._used_up())
        while (order := orders(done)) is not None:
            reason = ""
            if isinstance(order, WarmUp):
                yield Phase(f"warming up {order.mode}")
                reason = self._warmed_up(modes[order.mode])
            else:
                try:
                    yield from self._kept_up(
                        modes[order.mode], order.level, order.number, order.part
                    )
                except _EnoughError:
                    return
            done = Done(reason, self._used_up())

    def _next_level(self, mode: str, level: Level) -> Generator[Event, Reply, Kept]:
        (found,) = (each for each in self._bench.usable if each.name == mode)
        number = self._levels
        self._levels += 1
        return (yield from self._kept_up(found, level, number, WHOLE))

    def _kept_up(
        self, mode: ExecutionMode, level: Level, number: int, part: Part
    ) -> Generator[Event, Reply, Kept]:
        """Keep up a load, and say what became of it; its calls, if they are to be judged here.

        Raises:
            MeasurementError: It does not come to an end.
            _EnoughError: Nobody wants more.
        """
        with settled_garbage():
            return (yield from self._made(mode, level, number, part))

    def _made(
        self, mode: ExecutionMode, level: Level, number: int, part: Part
    ) -> Generator[Event, Reply, Kept]:
        bench, plan = self._bench, self._plan
        seed = (bench.request.seed or 0) + number
        schedule = [] if level.closed else list(part.every(plan.schedule(level, seed)))
        length_s = plan.length_of(level)
        ended, calls = deque[Call](), CallTable()
        engine = Engine(
            new_slot=lambda threads: Slot(mode, bench.model, bench.calls, threads),
            items=map(mode.prepare, part.every(plan.asked(bench.request.prompt, seed))),
            limit_s=bench.calls.call_limit_s,
            most=max(1, part.share(level.concurrency or plan.most_in_flight)),
            budget=bench.budget,
            taken=ended.append,
        )
        begun = LevelBegun(
            number, mode.name, level, None if level.closed else len(schedule), length_s
        )
        yield Phase(f"loading {mode.name} with {level}")
        yield Observed(begun)
        performed = self._loop.submit(engine.perform(level, schedule, length_s, part))
        wait_s = 0.0 if part.begin_ns is None else (part.begin_ns - perf_counter_ns()) / 1e9
        patience = monotonic() + wait_s + length_s + bench.calls.call_limit_s + PATIENCE_S
        enough = False

        def told() -> CallsTaken:
            some = CallsTaken(number, _all_of(ended))
            if plan.find_max_rate:
                calls.add_all(some)
            return some

        try:
            while not wait([performed], TELL_S).done:
                if monotonic() > patience:
                    raise MeasurementError(
                        f"{mode.name} with {level} does not end; does it block the event loop?"
                    )
                if (yield told()) is Reply.ENOUGH:
                    enough = True
                    engine.stop()
        finally:
            engine.stop()
        performed.result()
        yield told()
        over = LevelEnded(number, tuple(engine.windows))
        yield Observed(over)
        if enough:
            raise _EnoughError
        return begun, calls, over


def _all_of(ended: "deque[Call]") -> tuple[Call, ...]:
    """Take out what has come so far, while more may come."""
    return tuple(ended.popleft() for _ in range(len(ended)))
