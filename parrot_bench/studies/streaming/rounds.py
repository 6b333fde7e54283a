"""How the streaming study takes its samples.

Three parts take turns, each in rounds of its own: calls followed chunk by chunk as the model
is; the same with simulated latency (of the embedded parrot, whose own it is to choose); replies
of chosen lengths. The part that has had least of its share is next, so that a study that is
stopped has something of each.

This module takes the samples. What they mean is said in
:mod:`parrot_bench.studies.streaming.conclusions`.
"""

import random
from collections.abc import Generator, Iterator
from time import perf_counter_ns

from parrot_bench.errors import MeasurementError
from parrot_bench.events import (
    Event,
    ModeDropped,
    Observed,
    Phase,
    Planned,
    PlannedMode,
    Reply,
    RoundsEnded,
)
from parrot_bench.execution import is_chat_model
from parrot_bench.studies.bench import Bench
from parrot_bench.studies.overhead.rounds import IDLE_SHARE
from parrot_bench.studies.streaming.following import Follower
from parrot_bench.studies.streaming.lengths import LengthRounds, of_length
from parrot_bench.studies.streaming.parts import ArrivalRounds, Part
from parrot_bench.studies.streaming.plan import LATENCY, Lengths
from parrot_bench.timing import FrozenGarbage

WARM_CALLS = 3
"""First calls of a quick mode; a slow or a counted one makes one."""

SHARES = {"arrivals": 0.15, "latency": 0.35, "costs": 0.5}
"""Of the study's time; the parts that there are share it in these proportions."""

Events = Generator[Event, Reply, None]


def take(bench: Bench) -> Events:
    """Ask when chunks come and what they cost; see :attr:`~.studies.table.Study.take`."""
    yield from Streaming(bench).events()


class Streaming:
    """The streaming study of one model.

    Args:
        bench: The model, its modes, and what it is called with.
    """

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._modes = [mode for mode in bench.usable if mode.streams and not mode.batches]
        self._order = random.Random(bench.request.seed)  # noqa: S311  # an order, not a secret
        self._parts: list[Part] = []

    def events(self) -> Events:
        """Warm up, then take rounds until told that it is enough.

        Yields:
            Its progress and its samples; see :mod:`parrot_bench.events`.

        Raises:
            MeasurementError: There is no mode that streams, all of them raised, or the calls
                that are left do not pay for one round.
        """
        if not self._modes:
            raise MeasurementError(
                "none of the modes measured streams; name one with --modes, such as astream"
            )
        self._check_budget(len(self._modes))
        yield Phase("the first calls of every mode that streams")
        followers = self._followers("")
        yield from self._first_calls(followers)
        self._parts = [ArrivalRounds(list(followers.values()), self._order, SHARES["arrivals"])]
        self._check_budget(self._parts[0].calls_per_round)
        waits = min(f.idle_share for f in followers.values()) > IDLE_SHARE
        if self._bench.embedded and self._bench.budget.affords(4 * len(followers)):
            yield from self._with_latency(followers)
        if not self._bench.budget.bounded and not waits:
            yield from self._with_lengths()
        else:
            bound = "--max-calls" if self._bench.budget.limit is not None else "--max-tokens"
            why = "the model waits" if waits else f"{bound} bounds the calls"
            yield Observed(Lengths(why))
        yield self._planned(followers, waits=waits)
        yield from self._rounds()

    def _check_budget(self, calls: int) -> None:
        if bound := self._bench.budget.refusing(calls):
            raise MeasurementError(
                f"{bound} leaves too few calls for a round of {calls}; "
                "raise it, or choose fewer modes with --modes"
            )

    def _followers(self, case: str) -> dict[str, Follower]:
        bench = self._bench
        model = bench.model
        if case and is_chat_model(model):
            model = model.model_copy(
                update={
                    "time_to_first_chunk": LATENCY.first_chunk_s,
                    "time_per_chunk": LATENCY.each_chunk_s,
                }
            )
        return {
            mode.name: Follower(
                mode, model, bench.calls, bench.clocks[mode.kind], bench.budget, case=case
            )
            for mode in self._modes
        }

    # -- warm-up -------------------------------------------------------------------------

    def _first_calls(self, followers: dict[str, Follower]) -> Iterator[Event]:
        """Call every mode until it is warm; those that raise twice are left out."""
        for name, follower in list(followers.items()):
            calls = [follower.follow()]
            if calls[0].error and not follower.hopeless and self._bench.budget.affords(1):
                calls.append(follower.follow())  # a provider may refuse one without being broken
            why = follower.reason if calls[-1].error else follower.untold
            if why:
                self._modes = [mode for mode in self._modes if mode.name != name]
                del followers[name]
                yield ModeDropped(name, why)
                continue
            quick = follower.primer is not None and not self._bench.budget.bounded
            for _ in range(WARM_CALLS - 1 if quick else 0):
                follower.follow()
            if follower.shape is not None:
                yield Observed(follower.shape)
        if not followers:
            raise MeasurementError(
                "every mode that streams failed; the reason of each is among the modes left out"
            )

    def _with_latency(self, primers: dict[str, Follower]) -> Iterator[Event]:
        """The parrot once more, with time to its first chunk and between its chunks."""
        yield Observed(LATENCY)
        followers = self._followers(LATENCY.case)
        for event in self._first_calls(followers):
            if isinstance(event, ModeDropped):
                self._drop(event.mode)
            yield event
        self._parts.append(
            ArrivalRounds(
                list(followers.values()),
                self._order,
                SHARES["latency"],
                primers=list(primers.values()),
            )
        )

    def _with_lengths(self) -> Iterator[Event]:
        how = of_length(self._bench)
        if how is None:
            none = "the model has" if is_chat_model(self._bench.model) else "a Runnable has"
            yield Observed(Lengths(f"{none} no max_tokens"))
            return
        yield Phase("warming up replies of every length")
        costs = LengthRounds(self._bench, how, self._order, SHARES["costs"])
        costs.warm_up(self._modes)
        yield Observed(Lengths("", costs.left_out))
        if costs.calls_per_round:
            self._parts.append(costs)

    def _planned(self, followers: dict[str, Follower], *, waits: bool) -> Planned:
        def mode(follower: Follower) -> PlannedMode:
            return PlannedMode(
                mode=follower.mode.name,
                units=1,
                primed=1 if follower.primer else 0,
                calls_per_unit=1,
                every=1,
                unit_ns=follower.unit_ns,
                tokens=follower.tokens,
                paired=False,
            )

        budget, calls = self._bench.budget, self._parts[0].calls_per_round
        left = budget.left
        return Planned(
            modes=tuple(map(mode, followers.values())),
            waits=waits,
            round_s=sum(f.unit_ns * (2 if f.primer else 1) for f in followers.values()) / 1e9,
            round_calls=calls,
            calls_so_far=budget.spent,
            affordable_rounds=None if left is None else left // max(calls, 1),
        )

    # -- rounds --------------------------------------------------------------------------

    def _rounds(self) -> Events:
        """Let the parts take turns; each has one round, however short the time."""
        reply = Reply.GO
        with FrozenGarbage() as garbage:
            while True:
                part = self._next(untried=reply is Reply.ENOUGH)
                if part is None:
                    yield RoundsEnded()
                    return
                garbage.between_rounds()
                if bound := self._bench.budget.refusing(part.calls_per_round):
                    yield RoundsEnded(bound)
                    return
                begun = perf_counter_ns()
                told = list(part.round())
                part.spent_ns += perf_counter_ns() - begun
                for event in told:
                    if isinstance(event, ModeDropped):
                        self._drop(event.mode)
                    if (yield event) is Reply.ENOUGH:
                        reply = Reply.ENOUGH

    def _next(self, *, untried: bool) -> Part | None:
        """The part that has had least of its share; of those without a round, if asked."""
        parts = [part for part in self._parts if part.calls_per_round]
        if untried:
            parts = [part for part in parts if not part.spent_ns]
        return min(parts, key=lambda part: part.spent_ns / part.share, default=None)

    def _drop(self, mode: str) -> None:
        for part in self._parts:
            part.drop(mode)
