"""Levels come as planned, or as a search asks for them; each is judged by its own calls."""

from collections.abc import Generator

from hypothesis import given, settings
from hypothesis import strategies as st

from parrot_bench.calls import CallTable
from parrot_bench.events import Call, CallsTaken, Event, Observed, Reply
from parrot_bench.load import Level, LoadPlan, objectives
from parrot_bench.studies.load.ordering import Kept, level_by_level
from parrot_bench.studies.load.told import BoundaryFound, LevelBegun, LevelEnded, Window

MS = 1_000_000
CALLS = 20
LEVELS = st.lists(st.integers(1, 64).map(lambda n: Level(concurrency=n)), max_size=8)


class Server:
    """Answers in 10 ms up to a rate, and in 90 ms over it.

    Args:
        most: That rate, calls a second.
        levels: How many may be kept up.
    """

    def __init__(self, most: float, levels: int = 100) -> None:
        self.most = most
        self.levels = levels
        self.made: list[Level] = []

    def keep_up(self, mode: str, level: Level) -> Generator[Event, Reply, Kept]:
        number = len(self.made)
        self.made.append(level)
        rate = level.rate or 1.0
        took = (10 if rate <= self.most else 90) * MS
        every = 1e9 / rate
        calls = tuple(
            Call(mode, "", at := round(n * every), at + took, scheduled_ns=at) for n in range(CALLS)
        )
        table = CallTable()
        # What was made before is in the table of the run, and not of this level.
        table.add_all(CallsTaken(number + 1, (Call(mode, "", 0, 1000 * MS, error="E"),)))
        table.add_all(CallsTaken(number, calls))
        begun = LevelBegun(number, mode, level, CALLS, CALLS / rate)
        window = Window(begun_ns=0, ended_ns=round(CALLS * every), in_flight=1.0, peak=1)
        yield Observed(begun)
        return begun, table, LevelEnded(number, (window,))

    def used_up(self) -> str:
        return "--max-calls" if len(self.made) >= self.levels else ""


@given(LEVELS)
def test_what_is_planned_is_made_once_and_in_its_order(levels: list[Level]) -> None:
    server = Server(most=1.0)
    plan = LoadPlan(levels=tuple(levels), level_s=1.0)
    told = list(level_by_level("ainvoke", plan, server.keep_up, server.used_up))
    assert server.made == levels
    assert len(told) == len(levels)


@settings(max_examples=10)
@given(st.floats(0.1, 20), st.floats(0.1, 20))
def test_a_search_finds_what_the_calls_of_its_levels_say(first: float, most: float) -> None:
    server = Server(most)
    plan = LoadPlan(
        levels=(Level(rate=first),),
        level_s=1.0,
        find_max_rate=True,
        objectives=objectives("latency=50ms"),
    )
    *_, last = level_by_level("ainvoke", plan, server.keep_up, server.used_up)
    assert isinstance(last, Observed)
    assert isinstance(last.what, BoundaryFound)
    found = last.what.boundary
    assert found.kept is not None
    assert found.missed is not None
    assert found.kept <= most < found.missed <= 1.1 * found.kept + 1e-9
    assert found.trials == len(server.made)
    assert server.made[0].rate == first


@given(st.integers(1, 5))
def test_a_search_without_a_further_call_has_found_nothing(levels: int) -> None:
    server = Server(most=100.0, levels=levels)
    plan = LoadPlan(
        levels=(Level(rate=1.0),),
        level_s=1.0,
        find_max_rate=True,
        objectives=objectives("latency=50ms"),
    )
    told = list(level_by_level("ainvoke", plan, server.keep_up, server.used_up))
    assert len(server.made) == levels
    assert not any(isinstance(e, Observed) and isinstance(e.what, BoundaryFound) for e in told)
