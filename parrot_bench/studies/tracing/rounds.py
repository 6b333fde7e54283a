"""How the tracing study takes its samples: every case of every mode in every round.

The cases of one mode follow each other directly, in a fresh random order, and the modes too
come in a fresh random order, so that the two blocks of a pair are neighbours in time.

Every block is primed, as in the overhead study. Nothing is exported inside of one: queues are
emptied between rounds, once they hold a request, and what that takes is told apart
(:class:`parrot_bench.studies.tracing.listeners.Flushed`).
"""

import math
import random
from collections.abc import Generator, Iterator

from parrot_bench.errors import MeasurementError
from parrot_bench.events import (
    Block,
    Event,
    ModeDropped,
    Observed,
    Phase,
    Planned,
    PlannedMode,
    Reply,
    RoundsEnded,
    RoundTaken,
)
from parrot_bench.execution import ExecutionMode
from parrot_bench.mode_table import MODES
from parrot_bench.record.tracing import MODEL, NONE, OTLP
from parrot_bench.studies.bench import Bench
from parrot_bench.studies.caller import UNPRIMED_NS, one_line
from parrot_bench.studies.tracing.listeners import Listeners, open_listeners
from parrot_bench.studies.tracing.seat import Seat
from parrot_bench.studies.tracing.told import Arrived, Conditions, LeftOut, SpansMade
from parrot_bench.timing import CallLimitExceeded, FrozenGarbage
from parrot_callbacks.errors import TracingError
from parrot_callbacks.export import spans_left_out_by

DEFAULT_MODES = ("invoke", "stream", "ainvoke", "astream", "batch", "astream_events_v2")
"""What is traced unless modes are named: one of each kind."""

MIN_ROUNDS = 10
"""No ratio means anything under so many rounds; a mode that cannot have them is left out."""

SLOW_NS = 20_000_000
"""Only a mode whose unit takes longer is asked whether its rounds fit into the time."""

WARM_UNITS = 8
"""Units that warm a case up; its mode is warm by then."""

GIVE_UP_AFTER = 3
"""Blocks of one case that may raise before it is left out of its mode."""

IDLE_SHARE = 0.25
"""A model that leaves its thread idle for a larger share of every call is one that waits."""

QUEUE = 16_384
"""Spans that a queue holds; it is emptied long before."""

Events = Generator[Event, Reply, None]


def take(bench: Bench) -> Events:
    """Ask what observability costs; see :attr:`parrot_bench.studies.table.Study.take`."""
    request = bench.request
    try:
        with open_listeners(request.handlers, request.otlp, QUEUE) as listeners:
            yield from Ablation(bench, listeners).events()
    except TracingError as error:
        raise MeasurementError(str(error)) from error


class Ablation:
    """The tracing study of one model.

    Args:
        bench: What every study is given.
        listeners: What listens in each case.
    """

    def __init__(self, bench: Bench, listeners: Listeners) -> None:
        self._bench = bench
        self._listeners = listeners
        self._order = random.Random(bench.request.seed or 0)  # noqa: S311  # an order
        self._seats: dict[str, list[Seat]] = {}
        self._dropped: set[str] = set()
        self._all: list[Seat] = []
        self._known: dict[str, int] = {}
        self._number = 0
        self._previous = ""

    def events(self) -> Events:
        """Warm up, take rounds until told that it is enough, then settle the accounts.

        Raises:
            MeasurementError: No mode can have enough rounds.
        """
        about = [one.about for one in self._listeners.cases if one.about is not None]
        yield Observed(Conditions(tuple(about), spans_left_out_by()))
        yield from self._warm_up()
        self._flushed(least=1)
        for seat in self._all:
            seat.spans = seat.calls = 0
        self._known = {
            one.case: one.counter.ended for one in self._listeners.cases if one.counter is not None
        }
        yield self._planned()
        yield from self._rounds()
        for event in (*self._flushed(least=1), *self._accounts()):  # noqa: UP028  # no reply to a tuple
            yield event

    # -- warm-up -------------------------------------------------------------------------

    def _modes(self) -> list[ExecutionMode]:
        usable = [mode for mode in self._bench.usable if mode.status != "floor"]
        if self._bench.request.modes:
            return usable
        return [mode for mode in usable if mode.name in DEFAULT_MODES] or usable

    def _warm_up(self) -> Events:
        why = ""
        for mode in self._modes():
            yield Phase(f"warming up {mode.name}, traced in every way")
            try:
                why = self._sat_down(mode)
            except (Exception, CallLimitExceeded) as error:  # noqa: BLE001  # any model's
                self._seats.pop(mode.name, None)
                yield ModeDropped(mode.name, one_line(error))
                continue
            if why:
                yield Observed(LeftOut(mode.name, why))
        if not self._seats:
            raise MeasurementError(why or "no mode could be called with and without tracing")

    def _sat_down(self, mode: ExecutionMode) -> str:
        """Warm up every case of a mode; a reason to leave the mode out, or nothing."""
        bench = self._bench
        floor = MODES.get(mode.floor)
        plain, *others = self._listeners.cases
        seats = [Seat(bench, mode, mode, plain)]
        if floor is not None and not floor.unavailable(bench.model):
            seats.append(Seat(bench, mode, floor, plain))
        seats += [Seat(bench, mode, mode, listener) for listener in others]
        first = seats[0].caller
        per_round = 2 * first.calls_per_unit * len(seats)
        if too_dear := self._too_dear(mode, per_round):
            return too_dear
        first.observe()
        # What a call takes of bounded tokens is known by now.
        if why := first.untold or self._too_dear(mode, per_round):
            return why
        slow = first.unit_ns > UNPRIMED_NS
        if slow and (why := self._too_slow(mode, first.unit_ns * len(seats), seats)):
            return why
        counted = bench.budget.bounded
        few, many = (0, 0) if slow else (1, 1) if counted else (WARM_UNITS, 200)
        first.warm_up(many)
        first.shape()
        for seat in seats[1:]:
            seat.warm_up(few)
        for seat in seats:
            if counted:
                seat.caller.units, seat.caller.primed = 1, min(seat.caller.primed, 1)
            elif seat.case != MODEL:
                # Cases that are compared have blocks of the same length.
                seat.caller.units, seat.caller.primed = first.units, first.primed
        self._all += seats
        if why := self._too_slow(mode, self._round_ns(seats), seats):
            return why
        self._seats[mode.name] = seats
        return ""

    def _too_slow(self, mode: ExecutionMode, own_ns: int, seats: list[Seat]) -> str:
        """Whether a slow mode's ten rounds, too, leave the study no time."""
        if seats[0].caller.unit_ns <= SLOW_NS:
            # What a moment on a busy machine says of a quick mode is no reason to leave it out.
            return ""
        others_ns = sum(map(self._round_ns, self._seats.values()))
        needed_s = (others_ns + own_ns) * MIN_ROUNDS / 1e9
        if needed_s <= self._bench.time_s:
            return ""
        more = needed_s / self._bench.time_s * self._bench.request.time_s
        return (
            f"{MIN_ROUNDS} rounds of {len(seats)} cases of {mode.name} do not fit into "
            f"{self._bench.time_s:.3g} s; --time {math.ceil(more)} has room for them"
        )

    def _too_dear(self, mode: ExecutionMode, per_round: int) -> str:
        calls = per_round * MIN_ROUNDS
        bound = self._bench.budget.refusing(calls)
        took = f"{MIN_ROUNDS} rounds of {mode.name} take {calls} calls"
        return f"{took}, more than {bound} has left" if bound else ""

    @staticmethod
    def _round_ns(seats: list[Seat]) -> int:
        unit_ns = seats[0].caller.unit_ns
        return sum((s.caller.units + s.caller.primed) * unit_ns for s in seats)

    def _planned(self) -> Planned:
        first = {mode: seats[0].caller for mode, seats in self._seats.items()}
        calls = sum(s.caller.calls_per_block for seats in self._seats.values() for s in seats)
        budget = self._bench.budget
        left = budget.left
        return Planned(
            modes=tuple(
                PlannedMode(
                    mode=name,
                    units=caller.units,
                    primed=caller.primed,
                    calls_per_unit=caller.calls_per_unit,
                    every=1,
                    unit_ns=caller.unit_ns,
                    tokens=caller.tokens,
                    paired=False,
                )
                for name, caller in first.items()
            ),
            waits=next(iter(first.values())).idle_share > IDLE_SHARE,
            round_s=sum(map(self._round_ns, self._seats.values())) / 1e9,
            round_calls=calls,
            calls_so_far=budget.spent,
            affordable_rounds=None if left is None else left // calls,
        )

    # -- rounds --------------------------------------------------------------------------

    def _rounds(self) -> Events:
        budget = self._bench.budget
        with FrozenGarbage() as garbage:
            while True:
                garbage.between_rounds()
                seats = self._seated()
                if bound := budget.refusing(sum(seat.caller.calls_per_block for seat in seats)):
                    yield RoundsEnded(bound)
                    return
                taken, dropped = self._round(seats)
                over = False
                # That it is enough may be the answer to any of them.
                for event in (taken, *dropped, *self._flushed(), *self._leaks()):
                    over |= (yield event) is Reply.ENOUGH
                if not self._seats:
                    raise MeasurementError("every mode kept failing during the rounds")
                if over:
                    yield RoundsEnded()
                    return

    def _seated(self) -> list[Seat]:
        """Every case of every mode, in a fresh random order, those of a mode together."""
        groups = [list(seats) for seats in self._seats.values()]
        self._order.shuffle(groups)
        for group in groups:
            self._order.shuffle(group)
        return [seat for group in groups for seat in group if seat.case not in self._dropped]

    def _round(self, seats: list[Seat]) -> tuple[RoundTaken, list[Event]]:
        blocks: list[Block] = []
        errors: list[tuple[str, str]] = []
        dropped: list[Event] = []
        for seat in seats:
            try:
                reading = seat.block()
            except (Exception, CallLimitExceeded) as error:  # noqa: BLE001  # any model's
                errors.append((seat.mode.name, type(error).__name__))
                seat.failures += 1
                if seat.failures >= GIVE_UP_AFTER or isinstance(error, CallLimitExceeded):
                    dropped.append(self._give_up(seat, one_line(error)))
                continue
            caller = seat.caller
            blocks.append(
                Block(
                    position=len(blocks),
                    mode=seat.mode.name,
                    role="mode",
                    partner="",
                    previous=self._previous,
                    calls=caller.units * caller.calls_per_unit,
                    wall_ns=reading.wall_ns,
                    cpu_ns=reading.cpu_ns,
                    cold_ns=reading.cold_ns,
                    case=seat.case,
                )
            )
            self._previous = seat.mode.name
        taken = RoundTaken(
            number=self._number,
            stamped=False,
            tail=False,
            blocks=tuple(blocks),
            errors=tuple(errors),
            calls_so_far=self._bench.budget.spent,
        )
        self._number += 1
        return taken, dropped

    def _give_up(self, seat: Seat, reason: str) -> Event:
        """Leave out a case of a mode; without its case ``none``, the mode."""
        seats = self._seats.get(seat.mode.name, [])
        if seat.case == NONE:
            self._seats.pop(seat.mode.name, None)
            return ModeDropped(seat.mode.name, reason)
        if seat in seats:
            seats.remove(seat)
        return Observed(LeftOut(f"{seat.case} in {seat.mode.name}", reason))

    # -- between rounds ------------------------------------------------------------------

    def _flushed(self, least: int = 0) -> list[Event]:
        """Empty the queues that hold a request, or so many spans."""
        told: list[Event] = []
        for listener in self._listeners.cases:
            outlet = listener.outlet
            if outlet is not None and outlet.pending >= (least or outlet.batch):
                told.append(Observed(outlet.flush()))
                self._listeners.forget_file()
        return told

    def _leaks(self) -> Iterator[Event]:
        """Leave out a handler that recorded what was not its block: it is in others' numbers."""
        for listener in self._listeners.cases:
            if not listener.patches or listener.counter is None or listener.case in self._dropped:
                continue
            own = sum(seat.spans for seat in self._all if seat.case == listener.case)
            if listener.counter.ended - self._known[listener.case] > own:
                self._dropped.add(listener.case)
                why = "it made spans of calls after it was taken off, so all numbers hold it"
                yield Observed(LeftOut(listener.case, why))

    def _accounts(self) -> Iterator[Event]:
        for seat in self._all:
            if seat.listener.counter is not None and seat.calls:
                yield Observed(SpansMade(seat.mode.name, seat.case, seat.spans, seat.calls))
        for listener in self._listeners.cases:
            if listener.outlet is not None and listener.counter is not None:
                ended = listener.counter.ended
                account = listener.outlet.account.account(ended)
                received = self._listeners.receiver.received() if listener.case == OTLP else None
                yield Observed(
                    Arrived(
                        case=listener.case,
                        sent=ended,
                        acknowledged=account.exported,
                        received=received,
                        batch=listener.outlet.batch,
                        error=account.error,
                    )
                )
