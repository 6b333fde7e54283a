"""Levels of a load, judged from calls as a test writes them."""

from collections.abc import Sequence

from parrot_bench.calls import CallColumns, CallTable
from parrot_bench.events import Call, CallsTaken
from parrot_bench.load import LoadPlan
from parrot_bench.record import LoadLevel
from parrot_bench.studies.load.levels import levels_of
from parrot_bench.studies.load.told import LevelBegun, LevelEnded


def by_column(calls: Sequence[Call]) -> CallColumns:
    """Calls of one round as they are judged."""
    table = CallTable()
    table.add_all(CallsTaken(0, tuple(calls)))
    return table.of_round(0)


def level_of(
    begun: LevelBegun, calls: Sequence[Call], ended: LevelEnded | None, plan: LoadPlan
) -> LoadLevel:
    """What became of a level that is no ramp."""
    (level,) = levels_of(begun, by_column(calls), ended, plan)
    return level
