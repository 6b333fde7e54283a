"""How two sides are measured: pairs of fresh processes, their rounds interleaved.

What a process measures depends on that process, so the pair is the unit of every interval, and
there are many short pairs rather than a few long ones. Within a pair one process works at a
time, both on one processor: a round of one side, then the same round of the other.
"""

import random
from collections.abc import Callable, Generator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import monotonic

from parrot_bench.against.bytecode import kept_bytecode
from parrot_bench.against.events import (
    PairEnded,
    PairEvent,
    PairRound,
    SideDescribed,
    SideDropped,
    SidePlanned,
)
from parrot_bench.against.processors import move, usable_processors
from parrot_bench.against.sides import Side
from parrot_bench.errors import ParrotBenchError
from parrot_bench.events import (
    Described,
    Event,
    ModeDropped,
    Planned,
    PlannedMode,
    Reply,
    RoundsEnded,
    RoundTaken,
)
from parrot_bench.measuring import Job, Measurement, RoundsJob
from parrot_bench.mode_table import select_modes
from parrot_bench.record import SideName
from parrot_bench.request import Request
from parrot_bench.worker import Worker, hash_seed

MIN_PAIR_S = 1.0
"""Rounds of a pair go on at least so long."""

MIN_PAIR_ROUNDS = 20
"""Rounds of a pair, unless so many take longer than :data:`MAX_PAIR_S`."""

MAX_PAIR_S = 10.0
"""Rounds of a pair end after so long, however few they are."""


FEWEST_PAIRS = 10
"""Pairs that are measured at least, unless another number is asked for."""


def planned_pairs(request: Request) -> int:
    """How many pairs are measured at least."""
    return request.pairs or FEWEST_PAIRS


@dataclass(kw_only=True)
class Pairs:
    """Pairs of fresh processes, one after the other.

    Attributes:
        request: What the user asks for, its seed set.
        sides: The candidate and the baseline.
        logs: Where each side's output goes.
        interrupted: Whether somebody asked to stop.
        blocks: How modes take part, once the first process has planned it.
        dropped: Modes that a side cannot do, and why.
    """

    request: Request
    sides: tuple[Side, Side]
    logs: dict[SideName, Path]
    interrupted: Callable[[], bool]
    blocks: tuple[PlannedMode, ...] = ()
    dropped: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._random = random.Random(self.request.seed)  # noqa: S311  # an order, not a secret
        self._variables: dict[str, str | None] = {}
        # A mode of the user's own is sent to its processes as it was given, module:attr.
        given = self.request.modes or [mode.name for mode in select_modes()]
        self._modes = {mode.name: spec for spec in given for mode in select_modes([spec])}

    def events(self) -> Generator[PairEvent, Reply, None]:
        """Measure pair after pair until told that it is enough.

        Yields:
            What is known and measured; :attr:`Reply.ENOUGH` in answer to the end of a pair, or
            to a round, ends it.

        Raises:
            ParrotBenchError: A side cannot be measured; the message says which.
            KeyboardInterrupt: Somebody asked to stop.
        """
        with kept_bytecode() as self._variables:
            number = 0
            while self.remaining:
                if (yield from self._pair(number)) is Reply.ENOUGH:
                    return
                number += 1

    @property
    def _shares(self) -> int:
        """Processes that share bounded calls and tokens."""
        return 2 * planned_pairs(self.request)

    def _each(self, most: int | None) -> int | None:
        """What a process may spend of so many calls or tokens."""
        return None if most is None else max(1, most // self._shares)

    @property
    def _share(self) -> str:
        """What an error about too few calls has to say besides."""
        asked = self.request
        bounds = {"--max-calls": asked.max_calls, "--max-tokens": asked.max_tokens}
        said = [f"{name} {most}" for name, most in bounds.items() if most is not None]
        return f", with one of {self._shares} shares of {' and '.join(said)}" if said else ""

    @property
    def remaining(self) -> tuple[str, ...]:
        """The modes that both sides still have, as they were given."""
        return tuple(spec for name, spec in self._modes.items() if name not in self.dropped)

    def _pair(self, number: int) -> Generator[PairEvent, Reply, Reply]:
        began = monotonic()
        # Shared by the two: they differ by what is compared, and by nothing else.
        seed, order_seed = hash_seed(), self._random.randrange(2**31)
        with ExitStack() as stack:
            processes = [
                _Process(side, stack.enter_context(self._worker(side, seed)), self._share)
                for side in self.sides
            ]
            # The order of the start alternates, because the one that waits grows cold.
            for process in processes if number % 2 == 0 else reversed(processes):
                yield from self._begin(process, number, order_seed)
                if not self.remaining:
                    return Reply.ENOUGH
            begun = monotonic()
            limit_s = min(max(MIN_PAIR_S, begun - began), MAX_PAIR_S)
            reply = yield from self._rounds(processes, number, limit_s)
            for process in processes:
                process.end()
            told = yield PairEnded(number, begun - began, monotonic() - begun)
            return Reply.ENOUGH if reply is Reply.ENOUGH else told

    def _worker(self, side: Side, seed: str) -> Worker:
        variables = {**self._variables, **side.place.variables, "PYTHONHASHSEED": seed}
        place = replace(side.place, variables=variables)
        return Worker(self.logs[side.name], self.interrupted, place)

    def _begin(
        self, process: "_Process", number: int, order_seed: int
    ) -> Generator[PairEvent, Reply, None]:
        """Load and warm up one process."""
        side = process.side
        modes = self.remaining
        # Arguments are those of MODEL, which is on both sides unless another is named.
        arguments = self.request.model_args if side.spec == self.request.spec else ()
        request = replace(self.request, spec=side.spec, model_args=arguments)
        request = replace(request, modes=modes, seed=order_seed)
        request = replace(
            request,
            baseline=_twin(request),
            max_calls=self._each(request.max_calls),
            max_tokens=self._each(request.max_tokens),
        )
        blocks = tuple(block for block in self.blocks if block.mode in modes)
        job = Job(
            request=request,
            modes=modes,
            rounds=RoundsJob(blocks=blocks, side=True, not_from=side.not_from),
            report_every_s=0.0,
            traced=False,
        )
        for event in process.start(job):
            if isinstance(event, Described):
                yield SideDescribed(side.name, number, event)
                for mode in event.modes:
                    if mode.unavailable and mode.name in modes:
                        yield self._drop(side, mode.name, mode.unavailable)
            elif isinstance(event, ModeDropped):
                yield self._drop(side, event.mode, event.reason)
            elif isinstance(event, Planned):
                self.blocks = self.blocks or event.modes
                yield SidePlanned(side.name, number, event)

    def _drop(self, side: Side, mode: str, reason: str) -> SideDropped:
        self.dropped.setdefault(mode, f"{side.label}: {reason}")
        return SideDropped(side.name, mode, reason)

    def _rounds(
        self, processes: "list[_Process]", number: int, limit_s: float
    ) -> Generator[PairEvent, Reply, Reply]:
        self._place(processes)
        begun = monotonic()
        count = 0
        while not _long_enough(monotonic() - begun, count, limit_s):
            order = self._random.sample(processes, len(processes))
            taken: dict[SideName, RoundTaken] = {}
            for process in order:
                yield from self._round(process, taken)
            if len(taken) < len(order):  # one of them has no call left
                return Reply.GO
            if (yield PairRound(number, count, order[0].side.name, taken)) is Reply.ENOUGH:
                return Reply.ENOUGH
            count += 1
        return Reply.GO

    def _place(self, processes: "list[_Process]") -> None:
        """Put both on one processor, another from pair to pair."""
        processors = usable_processors()
        if any(process.planned and process.planned.parallel for process in processes):
            return  # on one processor, its own threads would wait for each other
        if processors:
            processor = self._random.choice(processors)
            for process in processes:
                move(process.pid, processor)

    def _round(
        self, process: "_Process", taken: dict[SideName, RoundTaken]
    ) -> Generator[PairEvent, Reply, None]:
        for event in process.round():
            if isinstance(event, RoundTaken):
                taken[process.side.name] = event
            elif isinstance(event, ModeDropped):
                yield self._drop(process.side, event.mode, event.reason)


def _long_enough(elapsed_s: float, rounds: int, limit_s: float) -> bool:
    if not rounds:
        return False
    return elapsed_s >= MAX_PAIR_S or (elapsed_s >= limit_s and rounds >= MIN_PAIR_ROUNDS)


def _twin(request: Request) -> str:
    """The mode that the A/A check compares with itself."""
    return request.baseline if request.baseline in request.modes else request.modes[0]


class _Process:
    """One process of a pair, which works only while it is asked for something."""

    def __init__(self, side: Side, worker: Worker, share: str) -> None:
        self.side = side
        self._name = f"{side.label}{share}"
        self.pid = 0
        self.planned: Planned | None = None
        self._worker = worker
        self._measurement: Measurement | None = None
        self._over = False

    def start(self, job: Job) -> Generator[Event, None, None]:
        """Yield what it tells until it is warm, and waits."""
        self._measurement = self._worker.measure(job)
        event = self._next(None)
        while event is not None:
            if isinstance(event, Described):
                self.pid = event.pid
            yield event
            if isinstance(event, Planned):
                self.planned = event
                return
            event = self._next(Reply.GO)

    def round(self) -> Generator[Event, None, None]:
        """Ask for one round, and yield what it tells until that is taken."""
        while True:
            event = self._next(Reply.GO)
            if event is None or isinstance(event, RoundsEnded):
                return
            yield event
            if isinstance(event, RoundTaken):
                return

    def end(self) -> None:
        """Let it go, without waiting for its interpreter to tidy up."""
        while not self._over:
            self._next(Reply.ENOUGH)

    def _next(self, reply: Reply | None) -> Event | None:
        if self._measurement is None or self._over:
            return None
        try:
            if reply is None:
                return next(self._measurement)
            return self._measurement.send(reply)
        except StopIteration:
            self._over = True
            return None
        except ParrotBenchError as error:
            raise self._named(error) from error

    def _named(self, error: ParrotBenchError) -> ParrotBenchError:
        named = type(error)(f"{self._name}: {error}")
        for note in getattr(error, "__notes__", []):
            named.add_note(note)
        return named
