"""How the overhead study takes its samples: in rounds.

Rounds of one block of every mode, in a fresh random order each time. Random order keeps the
sign test exact under no effect, whatever the drift: block times have a lag-1 autocorrelation
of 0.81, the signs of randomly ordered pairs 0.00-0.03.

This module takes the samples. What they mean is said in :mod:`parrot_bench.studies.overhead.costs`.
"""

import random
from collections import Counter
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from functools import partial
from time import perf_counter_ns
from typing import Any

from langchain_core.runnables import Runnable

from parrot_bench.errors import MeasurementError, UsageError
from parrot_bench.events import (
    Block,
    Event,
    ModeDropped,
    Phase,
    Planned,
    PlannedMode,
    Reply,
    RoundsEnded,
    RoundTaken,
)
from parrot_bench.execution import ExecutionMode
from parrot_bench.studies.bench import Bench, Budget
from parrot_bench.studies.caller import UNPRIMED_NS, Caller, one_line
from parrot_bench.studies.overhead.plan import OverheadPlan
from parrot_bench.timing import CallLimitExceeded, Clocks, FrozenGarbage

SLOW_NS = 20_000_000
"""A mode whose unit takes longer has one unit a block, and not in every round."""

STAMPED_EVERY = 5
"""Every fifth round stamps each call and is left out of the ratios."""

IDLE_SHARE = 0.25
"""A model that leaves its thread idle for a larger share of *every* call is one that waits."""

PARALLEL_SHARE = 0.2
"""A call that takes more CPU time than wall time, by a larger share, runs on several processors."""

SLOW_SHARE = 0.15
"""Share of the rounds' time that one slow mode may take."""

AA_EVERY = 4
"""In a side of a comparison, which may have one mode, the A/A check is in every fourth round: in
each round it would take half of the time."""

GIVE_UP_AFTER = 3
"""Blocks of one mode that may raise before the mode is left out."""

MIN_ROUNDS = 10
"""No verdict is given under so many rounds."""

TAIL_CALLS = 400
"""Stamped calls of every mode that end the pass with garbage collection on (p99 needs 368)."""

TAIL_ROUNDS = 20
"""Rounds that they come from at least: calls of one round share their luck."""


@dataclass(frozen=True)
class Entry:
    """A caller's place in the rounds: as a mode, as the A/A check, or as a slow mode's pair."""

    caller: Caller
    role: str
    partner: str = ""


Events = Generator[Event, Reply, None]


def take(bench: Bench) -> Events:
    """Ask what each mode costs; see :attr:`parrot_bench.studies.table.Study.take`."""
    request, calls = bench.request, bench.calls
    plan = OverheadPlan(
        **vars(calls),
        modes=bench.usable,
        baseline=request.baseline,
        seed=request.seed or 0,
        tail_s=request.tail_s,
    )
    yield from Overhead(bench.model, bench.second, plan, bench.clocks, bench.budget).events()


def take_rounds(bench: Bench, blocks: Sequence[PlannedMode], *, side: bool) -> Events:
    """Take rounds and nothing else: no tails.

    Args:
        bench: The model and its modes. Without any mode nothing is taken.
        blocks: How modes take part, where another process has planned it.
        side: They are one side of a comparison.
    """
    modes = bench.usable
    if not modes:
        return
    names = [mode.name for mode in modes]
    twin = bench.request.baseline
    plan = OverheadPlan(
        **vars(bench.calls),
        modes=modes,
        baseline=twin if twin in names else names[0],
        seed=bench.request.seed or 0,
        alone=side,
        blocks=blocks,
    )
    yield from Overhead(bench.model, bench.second, plan, bench.clocks, bench.budget).events()


def one_round_of(block_ns: float, quick_ns: float) -> int:
    """Say in which share of the rounds a slow mode takes part: one of so many.

    Args:
        block_ns: What its block takes.
        quick_ns: What those of all quick modes take.
    """
    every = max(1, round(block_ns / max(SLOW_SHARE * quick_ns, 1)))
    # As a multiple, its rounds would all be stamped ones, which are in no ratio, or none would.
    return every + 1 if every % STAMPED_EVERY == 0 else every


class Overhead:
    """The overhead study of one model.

    Args:
        model: The model.
        second: A second instance of it, for the A/A check.
        plan: What to do.
        clocks: What takes the readings, by kind of mode.
        budget: Counts the calls.
    """

    def __init__(
        self,
        model: Runnable[Any, Any],
        second: Runnable[Any, Any],
        plan: OverheadPlan,
        clocks: Clocks,
        budget: Budget,
    ) -> None:
        self._plan = plan
        self.budget = budget
        self.clocks = clocks
        caller = partial(self._caller, plan=plan)
        self._callers = {mode.name: caller(mode, model) for mode in plan.modes}
        baseline = self._callers[plan.baseline]
        self._twin = caller(baseline.mode, second)
        self._order = random.Random(plan.seed)  # noqa: S311  # an order, not a secret
        self._previous = ""
        self._number = 0

    def _caller(self, mode: ExecutionMode, model: Runnable[Any, Any], plan: OverheadPlan) -> Caller:
        return Caller(mode, model, plan, self.clocks[mode.kind], self.budget)

    def events(self) -> Events:
        """Warm up, take rounds until told that it is enough, then take the tails.

        Yields:
            Its progress and its samples; see :mod:`parrot_bench.events`.

        Raises:
            MeasurementError: The baseline, or every mode, raised.
            UsageError: The budget does not pay for a single round.
        """
        yield from self._warm_up()
        plan = self._planned()
        yield plan
        yield from self._rounds(plan)
        if self._plan.tail_s and not plan.waits and not self.budget.bounded:
            yield Phase("the tails, with garbage collection on")
            yield from self._tails()

    @property
    def baseline(self) -> Caller:
        """The mode the others are divided by."""
        return self._callers[self._plan.baseline]

    # -- warm-up -------------------------------------------------------------------------

    def _warm_up(self) -> Events:
        for index, caller in enumerate([*self._callers.values(), self._twin], 1):
            name = caller.mode.name
            yield Phase(f"warming up {name} ({index} of {len(self._callers) + 1})")
            reason = self._first_call(caller)
            if not reason:
                continue
            if name == self._plan.baseline and reason == caller.untold:
                raise UsageError(f"the baseline {name}: {reason}; use --max-calls")
            if name == self._plan.baseline:
                raise MeasurementError(
                    f"the baseline {name} failed: {reason}; "
                    "mend the model, or name another mode with --baseline"
                )
            del self._callers[name]
            yield ModeDropped(name, reason)

    def _first_call(self, caller: Caller) -> str:
        """Make a mode's first calls; a reason to leave it out, or nothing."""
        if bound := self.budget.refusing(caller.calls_per_unit):
            raise UsageError(
                f"{bound} is used up by warming up the modes; "
                "raise it, or choose fewer with --modes"
            )
        for attempt in (1, 2):  # a provider may refuse one call without being broken
            try:
                caller.observe()
                if caller.untold:
                    return caller.untold
                caller.warm_up(self._warm_units(caller))
            except CallLimitExceeded as error:
                return str(error)
            except Exception as error:  # noqa: BLE001  # any error of any model is a finding
                if attempt == 2 or not self.budget.affords(caller.calls_per_unit):  # noqa: PLR2004
                    return one_line(error)
            else:
                break
        caller.shape()
        return ""

    def _warm_units(self, caller: Caller) -> int:
        """How many further units a mode's warm-up may take."""
        if caller.unit_ns > UNPRIMED_NS:
            return 0
        if not self.budget.bounded:
            return 200
        # A tight budget is spent on rounds: one more unit is enough to learn its length.
        return 1 if self.budget.affords(caller.calls_per_unit) else 0

    # -- plan ----------------------------------------------------------------------------

    def _planned(self) -> Planned:
        callers = list(self._callers.values())
        # The A/A check compares like with like.
        self._twin.units, self._twin.primed = self.baseline.units, self.baseline.primed
        self._twin.unit_ns = self.baseline.unit_ns
        self._fit_budget([*callers, self._twin])
        quick = [c for c in [*callers, self._twin] if c.unit_ns <= SLOW_NS]
        quick_ns = sum((c.units + c.primed) * c.unit_ns for c in quick)
        for caller in callers:
            caller.every = 1
            if caller.unit_ns > SLOW_NS and self.baseline.unit_ns <= SLOW_NS:
                ns = (caller.units + caller.primed) * caller.unit_ns
                caller.every = one_round_of(ns, quick_ns)
        self._take_over(self._plan.blocks)
        entries = [entry for group in self._groups(0, everything=True) for entry in group]
        round_calls = sum(e.caller.calls_per_block for e in entries)
        round_ns = sum((e.caller.units + e.caller.primed) * e.caller.unit_ns for e in entries)
        left = self.budget.left
        affordable = None if left is None else left // max(round_calls, 1)
        if affordable == 0:
            raise UsageError(
                f"{self.budget.refusing(round_calls)} does not pay for one round of "
                f"{round_calls} calls; {MIN_ROUNDS} rounds take "
                f"{self.budget.price(round_calls * MIN_ROUNDS)}: "
                "raise it, or choose fewer modes with --modes"
            )
        return Planned(
            modes=tuple(
                PlannedMode(
                    mode=c.mode.name,
                    units=c.units,
                    primed=c.primed,
                    calls_per_unit=c.calls_per_unit,
                    every=c.every,
                    unit_ns=c.unit_ns,
                    tokens=c.tokens,
                    paired=c.every > 1 and not self._plan.alone,
                )
                for c in callers
            ),
            waits=self.baseline.idle_share > IDLE_SHARE,
            round_s=round_ns / 1e9,
            round_calls=round_calls,
            calls_so_far=self.budget.spent,
            affordable_rounds=affordable,
            parallel=self.baseline.idle_share < -PARALLEL_SHARE,
        )

    def _take_over(self, blocks: Sequence[PlannedMode]) -> None:
        """Make blocks as long as those that they will be compared with."""
        for planned in blocks:
            caller = self._callers.get(planned.mode)
            for one in [caller, self._twin] if caller is self.baseline else [caller]:
                if one is not None:
                    one.units, one.primed, one.every = planned.units, planned.primed, planned.every

    def _fit_budget(self, callers: list[Caller]) -> None:
        """Shorten the blocks until a bounded number of calls pays for 30 rounds."""
        left = self.budget.left
        if left is None:
            return
        share = left / 30 / max(sum(c.calls_per_block for c in callers), 1)
        if share < 1:
            for caller in callers:
                caller.units = max(1, int(caller.units * share))
                caller.primed = min(caller.primed, 1)

    # -- rounds --------------------------------------------------------------------------

    def _rounds(self, plan: Planned) -> Events:
        with FrozenGarbage() as garbage:
            while True:
                garbage.between_rounds()
                groups = self._groups(self._number)
                calls = sum(e.caller.calls_per_block for group in groups for e in group)
                if bound := self.budget.refusing(calls):
                    yield RoundsEnded(bound)
                    return
                # Few affordable rounds are all needed for the ratios.
                few = plan.affordable_rounds is not None and plan.affordable_rounds < 2 * MIN_ROUNDS
                stamped = (
                    not (few or self._plan.alone)
                    and self._number % STAMPED_EVERY == STAMPED_EVERY - 1
                )
                taken, dropped = self._round(groups, stamped=stamped, tail=False)
                reply = yield taken
                for name, reason in dropped:
                    yield ModeDropped(name, reason)
                if reply is Reply.ENOUGH:
                    yield RoundsEnded()
                    return

    def _tails(self) -> Events:
        calls: Counter[str] = Counter()
        rounds: Counter[str] = Counter()
        end = perf_counter_ns() + round(self._plan.tail_s * 1e9)
        while perf_counter_ns() < end:
            groups = [
                [Entry(caller, "mode")]
                for name, caller in self._callers.items()
                if not caller.mode.batches
                and (calls[name] < TAIL_CALLS or rounds[name] < TAIL_ROUNDS)
            ]
            if not groups:
                return
            self._order.shuffle(groups)
            taken, dropped = self._round(groups, stamped=True, tail=True)
            for block in taken.blocks:
                calls[block.mode] += block.calls
                rounds[block.mode] += 1
            yield taken
            for name, reason in dropped:
                yield ModeDropped(name, reason)

    def _groups(self, number: int, *, everything: bool = False) -> list[list[Entry]]:
        """Who takes part in a round, in a fresh random order; a pair stays together."""
        groups = []
        if everything or not self._plan.alone or number % AA_EVERY == 0:
            groups.append([Entry(self._twin, "a/a")])
        slow = 0
        for caller in self._callers.values():
            # Slow ones begin one after the other, each in one of the first rounds.
            turn = (number - slow) % caller.every
            slow += caller.every > 1
            if turn and not everything:
                continue
            group = [Entry(caller, "mode")]
            if caller.every > 1 and not self._plan.alone:
                group.append(Entry(self.baseline, "pair", caller.mode.name))
                self._order.shuffle(group)
            groups.append(group)
        self._order.shuffle(groups)
        return groups

    def _round(
        self, groups: list[list[Entry]], *, stamped: bool, tail: bool
    ) -> tuple[RoundTaken, list[tuple[str, str]]]:
        blocks: list[Block] = []
        errors: list[tuple[str, str]] = []
        dropped: list[tuple[str, str]] = []
        for entry in (entry for group in groups for entry in group):
            caller = entry.caller
            name = caller.mode.name
            if name not in self._callers:
                continue
            try:
                reading = caller.block(stamped=stamped)
            except (Exception, CallLimitExceeded) as error:  # noqa: BLE001  # as in _first_call
                errors.append((name, type(error).__name__))
                caller.failures += 1
                limit = isinstance(error, CallLimitExceeded)
                if limit or caller.failures >= GIVE_UP_AFTER:
                    dropped.append((name, one_line(error)))
                    self._drop(name, one_line(error))
                continue
            blocks.append(
                Block(
                    position=len(blocks),
                    mode=name,
                    role=entry.role,
                    partner=entry.partner,
                    previous=self._previous,
                    calls=caller.units * caller.calls_per_unit,
                    wall_ns=reading.wall_ns,
                    cpu_ns=reading.cpu_ns,
                    cold_ns=reading.cold_ns,
                    stamps=reading.stamps,
                )
            )
            self._previous = name
        taken = RoundTaken(
            number=self._number,
            stamped=stamped,
            tail=tail,
            blocks=tuple(blocks),
            errors=tuple(errors),
            calls_so_far=self.budget.spent,
        )
        self._number += 1
        return taken, dropped

    def _drop(self, name: str, reason: str) -> None:
        if name == self._plan.baseline:
            raise MeasurementError(
                f"the baseline {name} kept failing during the rounds: {reason}; "
                "mend the model, or name another mode with --baseline"
            )
        self._callers.pop(name, None)
