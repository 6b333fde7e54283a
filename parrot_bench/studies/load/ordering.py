"""Which level comes after which: those of the plan, or those of a search for the highest rate."""

from collections.abc import Callable, Generator
from typing import TypeAlias

from parrot_bench.calls import CallTable
from parrot_bench.events import Event, Observed, Reply
from parrot_bench.load import Level, LoadPlan
from parrot_bench.studies.load.levels import is_kept, levels_of
from parrot_bench.studies.load.search import search
from parrot_bench.studies.load.told import BoundaryFound, LevelBegun, LevelEnded

Kept: TypeAlias = tuple[LevelBegun, CallTable, LevelEnded]
"""What became of a level, and its calls if they are to be judged at once."""

KeepsUp: TypeAlias = Callable[[str, Level], Generator[Event, Reply, Kept]]
"""Keeps up a load of a mode, by its name."""


def level_by_level(
    mode: str, plan: LoadPlan, keep_up: KeepsUp, used_up: Callable[[], str]
) -> Generator[Event, Reply, None]:
    """Keep up one load after the other.

    Args:
        mode: Name of the mode.
        plan: What is asked for.
        keep_up: Keeps up a load.
        used_up: The bound that leaves no other call; empty while there is one.

    Yields:
        What is told of the levels, and what a search came to.
    """
    if not plan.find_max_rate:
        for level in plan.levels:
            yield from keep_up(mode, level)
        return
    looking = search(plan.levels[0].rate or 1.0)
    rate = next(looking)
    while True:
        begun, calls, ended = yield from keep_up(mode, Level(rate=rate))
        if used_up():
            return  # it was broken off, and nothing is known of where it ends
        # At a low rate nobody may have come.
        found = levels_of(begun, calls.of_round(begun.number), ended, plan)
        try:
            rate = looking.send(all(is_kept(level, plan) for level in found))
        except StopIteration as over:
            yield Observed(BoundaryFound(mode, over.value))
            return
