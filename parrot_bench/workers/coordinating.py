"""A load made by several workers, as one measurement: its levels begin together, its calls are one.

What it yields is what one process would have told (:mod:`parrot_bench.studies.load.taking`):
everything that follows a run does not know how many made it.
"""

import os
import queue
import socket
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from time import monotonic, perf_counter_ns

from parrot_bench.environment import parrot_bench_version
from parrot_bench.errors import MeasurementError, UsageError
from parrot_bench.events import (
    Call,
    CallsTaken,
    Described,
    Event,
    Failed,
    Observed,
    Phase,
    Reply,
    StudyBegun,
    StudyEnded,
)
from parrot_bench.load import Level, LoadPlan
from parrot_bench.measuring import Job, Measurement
from parrot_bench.record import ModeRecord
from parrot_bench.studies.load.ordering import Kept, level_by_level
from parrot_bench.studies.load.orders import Done, KeepUp, Order, Part, WarmUp
from parrot_bench.studies.load.taking import WARM_UP
from parrot_bench.studies.load.told import (
    LevelBegun,
    LevelEnded,
    ModeLeftOut,
    SpansSent,
    UsedUp,
    WorkerJoined,
    WorkerLost,
)
from parrot_bench.worker import raised
from parrot_bench.workers import posts
from parrot_bench.workers.cluster import Cluster, opened
from parrot_bench.workers.making import Making
from parrot_bench.workers.shares import (
    job_of,
    moved,
)
from parrot_bench.workers.wires import Heard, Lost, Wire

STUDY = "load"

LEAD_S, LEAD_OF_EACH_S = 0.3, 0.02
"""How long before its beginning a level is ordered, so that all have heard of it."""

SILENT_S = 15.0
"""A worker that has not been heard of for so long is lost."""

CLOSE_S = 3.0


def in_workers(job: Job, folder: Path, interrupted: Callable[[], bool]) -> Measurement:
    """Put a model under load from several timed processes.

    Args:
        job: What to do; its request has a load that is distributed.
        folder: Where the output of this machine's timed processes goes.
        interrupted: Whether somebody asked to stop.

    Yields:
        What one process would have told, and of each worker that it joined, and that it was lost.

    Raises:
        UsageError: There are no such workers, or one of them cannot load the model.
        MeasurementError: A worker died before the first level, or all of them did.
        KeyboardInterrupt: Somebody asked to stop.
    """
    plan = job.request.load
    if plan is None:
        raise MeasurementError("no load was asked for; use parrot-bench load")
    yield Phase("starting the workers")
    with opened(plan.workers, plan.scheduler) as cluster:
        coordinator = _Coordinator(job, plan, cluster, interrupted)
        try:
            yield from coordinator.events(folder)
        finally:
            coordinator.close()


class _EnoughError(Exception):
    """Whoever listens wants no more."""


class _Coordinator:
    def __init__(
        self, job: Job, plan: LoadPlan, cluster: Cluster, interrupted: Callable[[], bool]
    ) -> None:
        self._job = job
        self._plan = plan
        self._interrupted = interrupted
        self._cluster = cluster
        self._inbox: queue.Queue[tuple[Wire, Heard]] = queue.Queue()
        self._wires: list[Wire] = []
        self._described: dict[Wire, Described] = {}
        self._spent: dict[Wire, int] = {}
        self._levels = 0

    def events(self, folder: Path) -> Measurement:
        self._wires = [
            Wire(self._cluster, address, f"worker-{number}", self._inbox, self._greeted(address))
            for number, address in enumerate(self._cluster.addresses)
        ]
        here = socket.gethostname()
        for which, wire in enumerate(self._wires):
            self._spent[wire] = 0
            own = folder / f"{wire.name}.log" if wire.greeting.host == here else None
            with _named(wire):
                wire.begin(
                    job_of(self._job, wire.name, which, len(self._wires)), own and own.absolute()
                )
        yield Phase(f"loading the model on {len(self._wires)} workers")
        yield from self._prepared(self._wires)
        first = self._described[self._wires[0]]
        yield replace(first, pids=self._pids(here))
        yield StudyBegun(STUDY)
        for wire in self._wires:
            yield Observed(
                WorkerJoined(
                    wire.name,
                    wire.greeting.host,
                    self._described[wire].pid,
                    _unlike(self._described[wire], first),
                )
            )
        reasons: dict[str, str] = {}
        with suppress(_EnoughError):
            for mode in first.modes:
                reason = self._unusable(mode)
                if reason is None:
                    continue
                yield Phase(f"warming up {mode.name}")
                reason = reason or (yield from self._warmed_up(mode.name))
                if reason:
                    reasons[mode.name] = reason
                else:
                    yield from level_by_level(mode.name, self._plan, self._kept_up, self._used_up)
        bound = self._used_up() if any(wire.alive for wire in self._wires) else ""
        yield from self._finished()
        if not self._levels:
            said = "; ".join(f"{name}: {why}" for name, why in reasons.items())
            raise MeasurementError(f"no mode could be loaded{': ' if said else ''}{said}")
        for name, reason in reasons.items():
            yield Observed(ModeLeftOut(name, reason))
        if bound:
            yield Observed(UsedUp(bound))
        yield StudyEnded(STUDY)

    def close(self) -> None:
        """End every timed process."""
        for wire in self._wires:
            wire.close()
        for wire in self._wires:
            wire.closed(CLOSE_S)

    # -- before the first level ----------------------------------------------------------

    def _greeted(self, address: str) -> posts.Greeting:
        try:
            greeting: posts.Greeting = self._cluster.ask(address, posts.greet)
        except ModuleNotFoundError as error:
            raise UsageError(
                f"the worker {address} has no {error.name}; install there what is installed here: "
                "pip install 'parrot-bench[bench,distributed]'"
            ) from error
        except Exception as error:
            said = " ".join(str(error).split())
            raise MeasurementError(f"the worker {address} does not answer: {said}") from error
        if greeting.version != parrot_bench_version():
            raise UsageError(
                f"the worker {address} has parrot-bench {greeting.version}, and this is "
                f"{parrot_bench_version()}; install the same in both places"
            )
        return greeting

    def _prepared(self, wires: Sequence[Wire]) -> Generator[Event, Reply, None]:
        """Wait until workers ask for their next order.

        Raises:
            ParrotBenchError: One of them cannot, and no level has been made yet; it is named.
        """
        waiting = set(wires)
        while waiting:
            wire, heard = self._heard()
            if isinstance(heard, Lost):
                if not self._levels:
                    raise MeasurementError(f"{wire} died before the load: {heard.reason}")
                yield from self._lost(wire, heard.reason, None)
                waiting.discard(wire)
                continue
            if isinstance(heard, Done):
                wire.done = heard
                waiting.discard(wire)
                continue
            if self._levels:
                yield from self._took(wire, heard or (), None)
                if not wire.alive:
                    waiting.discard(wire)
                continue
            yield from self._began(wire, heard or ())

    def _began(self, wire: Wire, heard: Sequence[Event]) -> Generator[Event, Reply, None]:
        """Take in what a worker tells before its first level.

        Raises:
            ParrotBenchError: It cannot load the model.
        """
        for event in heard:
            if isinstance(event, Failed):
                error = raised(event)
                raise type(error)(f"{wire}: {error}")
            if isinstance(event, Described):
                self._described[wire] = event
            elif isinstance(event, Phase) and wire is self._wires[0]:
                yield event
        wire.answer(Reply.GO)

    def _pids(self, here: str) -> tuple[int, ...]:
        """Timed processes of this machine, and what started them."""
        ours = [wire for wire in self._wires if wire.greeting.host == here]
        timed = [self._described[wire].pid for wire in ours]
        return (*timed, *(wire.greeting.pid for wire in ours), os.getpid())

    def _unusable(self, mode: ModeRecord) -> str | None:
        """Why a mode cannot be loaded; None where nobody asked for it."""
        if mode.unavailable or (
            mode.status == "floor" and mode.name not in self._job.request.modes
        ):
            return None
        if mode.batches:
            return "its calls are batches; load invoke, ainvoke or a stream"
        return ""

    def _warmed_up(self, mode: str) -> Generator[Event, Reply, str]:
        """Make a mode's first calls on every worker; why it cannot be loaded, if one fails."""
        alive = self._alive()
        for wire in alive:
            self._order(wire, WarmUp(mode))
        yield from self._prepared(alive)
        for wire in alive:
            self._spent[wire] += WARM_UP
            if wire.done is not None and wire.done.reason:
                return f"{wire}: {wire.done.reason}"
        return ""

    def _finished(self) -> Generator[Event, Reply, None]:
        """Tell the workers that there are no more orders, and hear what they have left to say."""
        waiting = {wire for wire in self._wires if wire.alive and not wire.ended}
        for wire in waiting:
            wire.answer(None)
        while waiting:
            wire, heard = self._heard()
            if isinstance(heard, Lost):
                yield from self._lost(wire, heard.reason, None)
            elif isinstance(heard, Done):
                wire.answer(None)
                continue
            elif heard is not None:
                yield from self._took(wire, heard, None)
            if wire.ended or not wire.alive:
                waiting.discard(wire)

    # -- workers -------------------------------------------------------------------------

    def _alive(self) -> list[Wire]:
        """The workers that take orders.

        Raises:
            MeasurementError: None of them does.
        """
        found = [wire for wire in self._wires if wire.alive]
        if not found:
            raise MeasurementError("every worker was lost; the levels before are kept")
        return found

    def _used_up(self) -> str:
        """The bound that leaves one of them no other call: of all of them, as it was given."""
        bounds = {
            "--max-calls": self._job.request.max_calls,
            "--max-tokens": self._job.request.max_tokens,
        }
        for wire in self._alive():
            name, _, _ = (wire.done.used_up if wire.done is not None else "").partition(" ")
            if name:
                return f"{name} {bounds[name]}"
        return ""

    @staticmethod
    def _order(wire: Wire, order: Order) -> None:
        wire.done = None
        wire.answer(order)

    def _heard(self) -> tuple[Wire, Heard]:
        """Wait for what any worker tells, or for that one has fallen silent.

        Raises:
            KeyboardInterrupt: Somebody asked to stop.
        """
        while True:
            silent = [w for w in self._wires if w.alive and monotonic() - w.heard > SILENT_S]
            if silent:
                silent[0].alive = False
                return silent[0], Lost(f"it was not heard of for {SILENT_S:g} s")
            if self._interrupted():
                raise KeyboardInterrupt
            try:
                wire, heard = self._inbox.get(timeout=0.2)
            except queue.Empty:
                continue
            if not wire.alive:
                continue  # it was given up, and comes too late
            if isinstance(heard, Lost) or heard is None:
                wire.alive = False
            return wire, heard

    # -- a level -------------------------------------------------------------------------

    def _kept_up(self, mode: str, level: Level) -> Generator[Event, Reply, Kept]:
        """Keep up a load with all workers; as in one process.

        Raises:
            MeasurementError: No worker is left.
            _EnoughError: Nobody wants more.
        """
        yield from self._clocks_set()
        workers = self._alive()
        if level.concurrency is not None:
            # One with nothing to do would only be in the way.
            workers = workers[: level.concurrency]
        number = self._levels
        self._levels += 1
        seed = (self._job.request.seed or 0) + number
        due = None if level.closed else len(self._plan.schedule(level, seed))
        begun_ns = perf_counter_ns() + round((LEAD_S + LEAD_OF_EACH_S * len(workers)) * 1e9)
        parts = {
            wire: Part(which, len(workers), begun_ns + wire.offset.ns)
            for which, wire in enumerate(workers)
        }
        for wire, part in parts.items():
            self._order(wire, KeepUp(number, mode, level, part))
        begun = LevelBegun(number, mode, level, due, self._plan.length_of(level))
        making = Making(begun, begun_ns, parts, seed)
        several = f"{len(parts)} workers" if len(parts) > 1 else "1 worker"
        yield Phase(f"loading {mode} with {level} on {several}")
        yield Observed(begun)
        waiting = set(parts)
        while waiting:
            wire, heard = self._heard()
            if isinstance(heard, Lost):
                yield from self._lost(wire, heard.reason, making if wire in waiting else None)
                waiting.discard(wire)
            elif heard is None:
                waiting.discard(wire)
            elif isinstance(heard, Done):
                wire.done = heard
                waiting.discard(wire)
            else:
                yield from self._took(wire, heard, making)
                if wire.ended or not wire.alive:
                    waiting.discard(wire)
        ended = LevelEnded(number, *making.seen())
        yield Observed(ended)
        for wire in parts:
            self._spent[wire] += making.made_by(wire)
        if making.enough:
            raise _EnoughError
        return begun, making.calls, ended

    def _clocks_set(self) -> Generator[Event, Reply, None]:
        for wire in self._alive():
            try:
                wire.set_clock(SILENT_S)
            except OSError as error:
                wire.alive = False
                yield from self._lost(wire, str(error), None)

    def _took(
        self, wire: Wire, heard: Sequence[Event], making: Making | None
    ) -> Generator[Event, Reply, None]:
        """Pass on what a worker tells of a level, or after the last one."""
        for event in heard:
            if isinstance(event, Failed):
                wire.alive = False
                yield from self._lost(wire, event.message, making)
                return
            if isinstance(event, StudyEnded):
                # It is let go at the very end: of a process that is gone, nobody can say any more
                # how much of the machine it used.
                wire.ended = True
                return
            if isinstance(event, Observed) and isinstance(event.what, SpansSent):
                yield event
            elif making is None:
                continue
            elif isinstance(event, CallsTaken):
                calls = tuple(moved(c, wire.offset.ns, wire.name) for c in event.calls)
                yield from self._calls(making, calls)
            elif isinstance(event, Observed) and isinstance(event.what, LevelEnded):
                making.saw(wire, event.what.windows)
        wire.answer(Reply.ENOUGH if making is not None and making.enough else Reply.GO)

    @staticmethod
    def _calls(making: Making, calls: tuple[Call, ...]) -> Generator[Event, Reply, None]:
        taken = CallsTaken(making.told.number, calls)
        making.calls.add_all(taken)
        if (yield taken) is Reply.ENOUGH:
            making.enough = True

    def _lost(
        self, wire: Wire, reason: str, making: Making | None
    ) -> Generator[Event, Reply, None]:
        """Say that a worker is gone, and count what was due to it as lost."""
        number = None if making is None else making.told.number
        yield Observed(WorkerLost(wire.name, reason, number))
        if making is None:
            return
        made = making.made_by(wire)
        lost = making.lost(wire, self._plan, perf_counter_ns())
        if not making.told.level.closed:
            lost = lost[: self._affordable(wire, made)]
        yield from self._calls(making, lost)

    def _affordable(self, wire: Wire, made: int) -> int | None:
        """How many more calls a worker might have made within --max-calls."""
        most = self._job.request.max_calls
        if most is None:
            return None
        share = Part(self._wires.index(wire), len(self._wires)).share(most)
        return max(0, share - self._spent[wire] - made)


@contextmanager
def _named(wire: Wire) -> Iterator[None]:
    """Say of which worker an error is that says that it cannot be reached."""
    try:
        yield
    except Exception as error:
        said = " ".join(str(error).split())
        raise MeasurementError(f"{wire} cannot be reached: {said}") from error


def _unlike(one: Described, first: Described) -> tuple[str, ...]:
    """In what a worker differs from the first, such that its calls may."""
    differences = {
        "model": (one.model.class_name, first.model.class_name),
        "Python": (one.environment.python, first.environment.python),
        "processor": (one.environment.cpu, first.environment.cpu),
        "platform": (one.environment.platform, first.environment.platform),
    }
    ours, theirs = one.environment.packages, first.environment.packages
    for name in sorted({*ours, *theirs}):
        differences[name] = (ours.get(name, "none"), theirs.get(name, "none"))
    return tuple(f"{name} {a} and not {b}" for name, (a, b) in differences.items() if a != b)
