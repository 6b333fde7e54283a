"""Replies of chosen lengths: one block of every length of every mode a round.

The blocks of one mode stand together, so that what the host does to the long reply it does to
the short one. Each such group begins with an untimed short call; blocks of long replies need
no further one, as what a cold call costs more (0.2 ms at most) is shared by hundreds of chunks.
"""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from langchain_core.runnables import Runnable

from parrot_bench.events import Block, Event, ModeDropped, RoundTaken
from parrot_bench.execution import ExecutionMode, is_chat_model
from parrot_bench.parrot import ChatParrotLink
from parrot_bench.runnables.inputs import as_text
from parrot_bench.studies.bench import Bench, Calls
from parrot_bench.studies.caller import Caller, one_line
from parrot_bench.studies.overhead.rounds import GIVE_UP_AFTER
from parrot_bench.studies.streaming.following import Follower
from parrot_bench.timing import CallLimitExceeded

LONGEST_CALL_S = 0.5
"""A call that would take longer than this, or than a share of the study's time, is left out:
``astream_log`` joins what it has for each chunk, and a reply of 1,000 takes it seconds."""

LONGEST_CALL_SHARE = 0.05
"""That share."""

LENGTHS = {1: 20, 10: 20, 100: 3, 1000: 1}
"""Chunks of the replies, and most calls that warm up each."""

OfLength = Callable[[int], tuple[Runnable[Any, Any], Calls]]
"""The model and the way to call it that give a reply of so many chunks."""


def of_length(bench: Bench) -> OfLength | None:
    """How the model's reply is given a length; None where that cannot be asked for."""
    if bench.embedded:
        # The parrot needs a prompt that is as long; every length has the same one.
        prompt, parrot = as_text(bench.request.prompt), bench.model
        assert isinstance(parrot, ChatParrotLink)  # noqa: S101  # the embedded one
        longest = max(LENGTHS)
        calls = replace(bench.calls, prompt=(prompt * (longest // len(prompt) + 1))[:longest])
        return lambda length: (
            parrot.model_copy(update={"parrot_buffer_length": length}),
            calls,
        )
    fields = type(bench.model).model_fields if is_chat_model(bench.model) else {}
    if "max_tokens" in fields or any(f.alias == "max_tokens" for f in fields.values()):
        return lambda length: (
            bench.model,
            replace(bench.calls, kwargs={**bench.calls.kwargs, "max_tokens": length}),
        )
    return None


class LengthRounds:
    """One block of every length of every mode a round; see :class:`~.parts.Part`.

    Args:
        bench: The model, the clocks, the budget.
        lengths: How a length is asked for.
        order: Source of the order.
        share: Of the study's time.

    Attributes:
        left_out: Modes, or lengths of a mode, that have no blocks, and why.
    """

    def __init__(self, bench: Bench, lengths: OfLength, order: random.Random, share: float) -> None:
        self.share = share
        self.spent_ns = 0
        self.left_out: dict[str, str] = {}
        self._bench = bench
        self._lengths = lengths
        self._order = order
        self._groups: dict[str, list[tuple[int, Caller]]] = {}
        self._number = 0
        self._previous = ""

    def warm_up(self, modes: Sequence[ExecutionMode]) -> None:
        """Make the first calls of every length, and see whether they have it."""
        for mode in modes:
            group = list(self._ready(mode))
            if len(group) > 1:
                self._groups[mode.name] = group

    def _ready(self, mode: ExecutionMode) -> Iterator[tuple[int, Caller]]:
        """The lengths that a mode has, warmed up, shortest first."""
        took: list[int] = []
        longest_s = max(LONGEST_CALL_S, LONGEST_CALL_SHARE * self._bench.time_s)
        for length, most in LENGTHS.items():
            if _next(took) > longest_s * 1e9:
                self.left_out[mode.name] = f"a reply of {length:,} chunks would take too long"
                return
            model, calls = self._lengths(length)
            clock, budget = self._bench.clocks[mode.kind], self._bench.budget
            follower = Follower(mode, model, calls, clock, budget)
            call = follower.follow()
            if call.error:
                self.left_out[mode.name] = follower.reason
                return
            came = len(call.chunks_ns)
            if came != length:
                self.left_out[mode.name] = f"asked for {length:,} chunks, {came:,} came"
                return
            caller = Caller(mode, model, calls, clock, budget)
            caller.unit_ns = follower.unit_ns
            caller.warm_up(most)
            caller.shape()
            caller.primed = 0
            took.append(follower.cpu_ns)
            yield length, caller

    @property
    def calls_per_round(self) -> int:
        """Calls of one round."""
        return sum(
            1 + sum(caller.calls_per_block for _, caller in group)
            for group in self._groups.values()
        )

    def drop(self, mode: str) -> None:
        """Go on without a mode."""
        self._groups.pop(mode, None)

    def round(self) -> Iterator[Event]:
        """Take one round, and tell it."""
        names = list(self._groups)
        self._order.shuffle(names)
        blocks: list[Block] = []
        errors: list[tuple[str, str]] = []
        dropped: list[ModeDropped] = []
        for name in names:
            group = self._groups[name]
            try:
                blocks += self._group(group, len(blocks))
            except (Exception, CallLimitExceeded) as error:  # noqa: BLE001  # any error is a finding
                errors.append((name, type(error).__name__))
                short = group[0][1]
                short.failures += 1
                if isinstance(error, CallLimitExceeded) or short.failures >= GIVE_UP_AFTER:
                    dropped.append(ModeDropped(name, one_line(error)))
        yield RoundTaken(
            number=self._number,
            stamped=False,
            tail=False,
            blocks=tuple(blocks),
            errors=tuple(errors),
            calls_so_far=self._bench.budget.spent,
        )
        self._number += 1
        yield from dropped

    def _group(self, group: list[tuple[int, Caller]], position: int) -> list[Block]:
        """Time one block of every length of a mode."""
        short = group[0][1]
        short.warm_up(1)
        blocks: list[Block] = []
        for length, caller in self._order.sample(group, len(group)):
            reading = caller.block(stamped=False)
            blocks.append(
                Block(
                    position=position + len(blocks),
                    mode=caller.mode.name,
                    role="mode",
                    partner="",
                    previous=self._previous,
                    calls=caller.units,
                    wall_ns=reading.wall_ns,
                    cpu_ns=reading.cpu_ns,
                    cold_ns=reading.cold_ns,
                    case=str(length),
                )
            )
            self._previous = caller.mode.name
        return blocks


def _next(took: list[int]) -> float:
    """What the next length takes if it grows as the last one did, nanoseconds; 0 if unknown.

    Of CPU times, as a busy machine lengthens some calls on the clock tenfold.
    """
    return took[-1] * took[-1] / max(took[-2], 1) if len(took) > 1 else 0
