"""The parts of the concurrency study by themselves: plan, counter, watchdog, blame, curves."""

import asyncio
import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import PurePosixPath
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parrot_bench.events import Call
from parrot_bench.record import CodePlace
from parrot_bench.studies.concurrency import following, places
from parrot_bench.studies.concurrency.blame import blocked_loop, computes
from parrot_bench.studies.concurrency.curves import Repeats, closed_loop, littles_law, sweep
from parrot_bench.studies.concurrency.following import followed, own_methods
from parrot_bench.studies.concurrency.observations import CellTaken, LateSample, SweepBegun
from parrot_bench.studies.concurrency.places import StackEntry, culprit, shortened
from parrot_bench.studies.concurrency.plan import (
    LEVELS,
    REPEATS,
    Asked,
    Cell,
    Pace,
    planned,
    predicted_s,
    thinned,
)
from parrot_bench.studies.concurrency.watchdog import Watchdog
from parrot_bench.studies.in_flight import InFlight
from tests.parrot_bench.models import waiting

# -- plan ------------------------------------------------------------------------------------


def test_a_quick_model_gets_every_level_and_six_rounds() -> None:
    plan = planned({0: Asked(), 1: Asked(sparse=True)}, 0.006, 20.0, None)
    assert plan is not None
    assert plan.reduced == ""
    assert plan.rounds >= REPEATS
    assert tuple(c.level for c in plan.cells if c.sweep == 0 and c.level) == LEVELS
    assert {c.level for c in plan.cells if c.sweep == 1} == {1, 4, 16}


@given(
    st.integers(1, 6),
    st.floats(1e-4, 30),
    st.floats(0.3, 600),
    st.none() | st.integers(0, 5000),
)
def test_a_plan_is_paid_for_and_has_a_curve(
    sweeps: int, response_s: float, time_s: float, calls: int | None
) -> None:
    plan = planned(dict.fromkeys(range(sweeps), Asked()), response_s, time_s, calls)
    if plan is None:
        assert calls is not None
        assert calls < sweeps * (1 + 4)
        return
    if calls is not None:
        assert plan.round_calls * plan.rounds <= calls
    for number in range(sweeps):
        levels = [c for c in plan.cells if c.sweep == number and c.level is not None]
        assert len(levels) >= 2
        assert levels[0].level == 1
        assert all(c.batch >= (c.level or 1) for c in levels)


@given(st.lists(st.floats(0.01, 5), min_size=8, max_size=8), st.floats(0.1, 40))
def test_a_thinned_round_fits_but_for_the_lowest_levels(times: list[float], time_s: float) -> None:
    cells = [Cell(s, level, level) for s in (0, 1) for level in (1, 2, 4, 8)]
    expected = dict(zip(cells, times, strict=True))
    done = {cell: index for index, cell in enumerate(cells)}
    kept = thinned(cells, expected.__getitem__, done, time_s)
    lowest = {c for c in cells if c.level in {1, 2}}
    assert lowest <= set(kept)
    others = sum(expected[c] for c in kept if c not in lowest)
    assert not others or others + sum(expected[c] for c in lowest) <= time_s + 1e-6


def test_what_does_not_scale_is_not_paid_for_further() -> None:
    pace = Pace(alone_s=1.0)
    dear = Cell(0, 16, 16)
    assert not pace.dear(dear, 20)  # nothing is known yet
    assert pace.expected_s(dear) == predicted_s(dear, 1.0) == 1.0
    pace.took(Cell(0, 4, 4), 4.0)
    assert pace.expected_s(dear) == 16.0
    assert pace.dear(dear, 20)
    pace.took(Cell(0, 4, 4), 1.0)
    assert pace.expected_s(dear) == 1.0
    assert not pace.dear(dear, 20)


# -- counter ---------------------------------------------------------------------------------


def test_the_average_is_over_time() -> None:
    count = InFlight()
    begun = time.perf_counter_ns()
    count.enter()
    count.enter()
    time.sleep(0.02)
    count.leave()
    time.sleep(0.02)
    count.leave()
    wall = time.perf_counter_ns() - begun
    assert 1 < count.average(wall) < 2
    assert count.peak == 2
    assert count.now == 0


def test_a_call_is_counted_once_whatever_it_calls() -> None:
    class Nested(waiting.Native):
        async def _agenerate(self, *args: object, **kwargs: object) -> object:  # type: ignore[override]
            await super()._agenerate(*args, **kwargs)
            return self._generate(*args, **kwargs)

    model = Nested()
    with followed(model, "async") as ledger:
        assert asyncio.run(model.ainvoke("hello")).text == "yes"
    assert ledger.served.peak == ledger.made.peak == 1
    (call,) = ledger.calls
    assert call.started_ns <= call.entered_ns < call.left_ns <= call.ended_ns
    assert "ainvoke" not in vars(model)


def test_the_fallback_s_own_method_is_the_synchronous_one() -> None:
    assert own_methods(waiting.SyncOnly(), "async") == ("_generate", "_stream")
    assert own_methods(waiting.BlockingStream(), "async") == ("_agenerate", "_astream")
    assert own_methods(waiting.Native(), "sync") == ("_generate", "_stream")


async def test_a_stream_is_followed_to_its_end_or_its_closing() -> None:
    model = waiting.BlockingStream()
    with followed(model, "async") as ledger:
        assert "".join([chunk.text async for chunk in model.astream("hello")]) == "yes"
        stream = model.astream("hello")
        async for _ in stream:
            break
        await stream.aclose()  # type: ignore[attr-defined]
    assert [call.error for call in ledger.calls] == ["", ""]
    assert ledger.made.now == ledger.served.now == 0


def test_an_error_is_known_by_its_type() -> None:
    model = waiting.Broken()
    with followed(model, "async") as ledger, pytest.raises(waiting.WaitingError):
        asyncio.run(model.ainvoke("hello"))
    assert [call.error for call in ledger.calls] == ["WaitingError"]


# -- watchdog --------------------------------------------------------------------------------


def standing_still(seconds: float) -> None:
    time.sleep(seconds)


def test_a_stall_is_caught_in_the_act_and_an_idle_loop_is_none() -> None:
    async def stalled() -> None:
        with watchdog.watching():
            await asyncio.sleep(0.02)
            standing_still(0.2)
            await asyncio.sleep(0.02)

    async def idle() -> None:
        with watchdog.watching():
            await asyncio.sleep(0.05)

    with Watchdog() as watchdog:
        asyncio.run(stalled())
        seen = watchdog.seen()
        asyncio.run(idle())
        calm = watchdog.seen()
    assert seen.longest_ns > 150e6
    found = [culprit(s.stack) for s in seen.samples if not places.is_idle(s.stack)]
    assert {entry.function for entry in found if entry} == {"standing_still"}
    assert len(found) > 3
    assert not [s for s in calm.samples if not places.is_idle(s.stack) and culprit(s.stack)]


# -- places ----------------------------------------------------------------------------------


def entry(file: str, module: str, function: str = "f", line: int = 1) -> StackEntry:
    return StackEntry(file, function, line, module)


def test_the_culprit_is_inside_the_model_and_nobody_s_library() -> None:
    stack = (
        entry("/usr/lib/python3.11/socket.py", "socket"),
        entry("/x/site-packages/urllib3/connection.py", "urllib3.connection"),
        entry("/x/site-packages/langchain_core/runnables/base.py", "langchain_core.runnables.base"),
        entry("/home/me/app/llm.py", "app.llm"),
        entry(following.__file__, "parrot_bench.studies.concurrency.following"),
        entry("/home/me/app/other.py", "app.other"),
    )
    found = culprit(stack)
    assert found is not None
    assert found.module == "urllib3.connection"
    caller = places.caller_in(stack, {"/home/me/app/llm.py", "/home/me/app/other.py"})
    assert caller is not None
    assert caller.file == "/home/me/app/llm.py"
    assert culprit((stack[0], stack[2], *stack[4:])) is None


@given(st.text("abc/._-", min_size=1, max_size=30))
def test_a_shortened_file_names_no_home(name: str) -> None:
    for root in ("/home/me/app", "/home/me/env/lib/python3.11/site-packages", "/elsewhere"):
        path = str(PurePosixPath(root) / name.strip("/"))
        roots = ["/home/me/env/lib/python3.11/site-packages", *sys.path]
        assert "/home/me" not in shortened(path, "/home/me/app", roots)


def test_files_are_named_from_where_they_are_imported() -> None:
    installed = "/home/me/app/.venv/lib/python3.11/site-packages"
    assert shortened(f"{installed}/a/b.py", "/home/me/app", [installed]) == "a/b.py"
    assert shortened("/home/me/app/c/d.py", "/home/me/app", [installed]) == "c/d.py"
    assert shortened("/home/me/lib/e.py", "/home/me/app", ["/home/me/lib"]) == "e.py"
    assert shortened("/home/you/f/g.py", "/home/me/app", [installed]) == "g.py"


# -- blame -----------------------------------------------------------------------------------


def late(
    function: str | None, line: int = 3, *, stall: int = 1, at_ns: int = 0, cpu_ns: int = 0
) -> LateSample:
    place = CodePlace(file="m.py", function=function, line=line) if function else None
    return LateSample(stall=stall, at_ns=at_ns, cpu_ns=cpu_ns, place=place, caller=None)


def test_the_function_with_half_of_the_samples_is_to_blame_at_its_usual_line() -> None:
    samples = [late("f", 3), late("f", 3), late("f", 4, stall=2), late("g"), late(None)]
    found = blocked_loop(samples, 30_000_000)
    assert found is not None
    assert (found.place.function, found.place.line) == ("f", 3)
    assert (found.samples, found.taken, found.stalls) == (3, 5, 2)


@pytest.mark.parametrize(
    ("samples", "longest"),
    [
        ([late("f")] * 9, 19_000_000),  # no stall
        ([late("f")] * 2, 90_000_000),  # too few
        ([late("f")] * 4 + [late(None)] * 6, 90_000_000),  # LangChain's own work
        ([late("f")] * 3 + [late("g")] * 3 + [late("h")] * 3, 90_000_000),
        ([], 90_000_000),
    ],
)
def test_nobody_is_blamed_without_a_reason(samples: list[LateSample], longest: int) -> None:
    assert blocked_loop(samples, longest) is None


@pytest.mark.parametrize(("cpu_ns", "said"), [(0, False), (40, False), (90, True)])
def test_a_thread_that_uses_its_processor_computes(cpu_ns: int, said: bool) -> None:
    samples = [late("f", at_ns=at, cpu_ns=cpu_ns * at // 100) for at in (0, 50, 100)]
    found = blocked_loop(samples, 30_000_000)
    assert found is not None
    assert found.computes is said
    apart = [late("f", stall=number) for number in range(3)]  # no stall was sampled twice
    assert computes(apart) is None


# -- curves ----------------------------------------------------------------------------------

SERVICE_NS = 10_000_000


def level(
    asked: int, at_once: float, *, service_ns: float = SERVICE_NS, busy: float = 0.2, peak: int = 0
) -> Repeats:
    """A cell of a model that works on ``at_once`` calls, eight waves, six rounds."""
    batch = asked * 8
    wall = round(batch * SERVICE_NS / at_once)
    cell = Cell(0, asked, batch)
    latency = round(asked * SERVICE_NS / at_once)
    calls = [
        (r, Call("abatch", cell.case, 0, latency, entered_ns=0, left_ns=round(service_ns)))
        for r in range(6)
        for _ in range(batch)
    ]
    taken = [
        CellTaken(
            cell=cell,
            round=r,
            wall_ns=wall,
            busy_ns=round(busy * wall),
            case=cell.case,
            in_flight=float(asked),
            achieved=batch * round(service_ns) / wall,
            peak=peak or asked,
            threads=9,
            service_ns=service_ns,
            stall_ns=None,
            late=(),
            calls_so_far=batch,
        )
        for r in range(6)
    ]
    return Repeats(cell, taken, calls)


@pytest.mark.parametrize(
    ("levels", "own", "limit", "knee"),
    [
        ([level(n, n) for n in (1, 8, 64)], True, "none", 64),
        ([level(1, 1), level(8, 8), level(64, 12, busy=0.97)], True, "client", 12),
        ([level(1, 1), level(8, 8), level(64, 12, busy=0.6)], True, "client", 12),
        ([level(n, min(n, 4), service_ns=SERVICE_NS * n / min(n, 4)) for n in (1, 4, 64)], True,
         "model", 4),
        # Streams wait inside whoever is late: of a loop that is busy, and still does more.
        ([level(1, 1), level(4, 3.4), level(16, 7.1, busy=0.7, service_ns=2 * SERVICE_NS)], True,
         "client", 7.1),
        ([level(1, 1), level(4, 3.2), level(16, 3.2, busy=0.7, service_ns=5 * SERVICE_NS)], True,
         "model", 3.2),
        ([level(n, 1, service_ns=SERVICE_NS * n) for n in (1, 8)], True, "serial", 1),
        ([level(n, min(n, 6), peak=min(n, 6)) for n in (1, 4, 32)], False, "executor", 6),
    ],
)  # fmt: skip
def test_what_stops_throughput(levels: list[Repeats], own: bool, limit: str, knee: float) -> None:
    found = sweep(SweepBegun("abatch", own), levels, 6)
    assert found.limit == limit
    assert found.knee is not None
    assert found.knee.value == pytest.approx(knee, rel=0.01)
    assert found.knee.count == 6


def test_the_lowest_level_that_is_as_good_is_named() -> None:
    found = sweep(SweepBegun("abatch", True), [level(n, min(n, 4)) for n in (1, 4, 16)], 6)
    assert found.enough == 4
    p50, p95, p99 = found.levels[0].percentiles
    assert p50.value == SERVICE_NS
    assert p95.value is None
    assert "p95 needs 72" in p95.reason
    assert p99.reason


def test_a_counter_that_miscounts_is_found_by_little_s_law() -> None:
    sweeps: Mapping[int, SweepBegun] = {0: SweepBegun("abatch", True)}
    right = level(8, 8)
    law = littles_law([right], sweeps)
    assert law is not None
    assert law.agrees
    wrong = Repeats(
        right.cell,
        [
            CellTaken(**{f: getattr(t, f) for f in t.__slots__} | {"achieved": 7.0})
            for t in right.taken
        ],
        right.calls,
    )
    law = littles_law([right, wrong], sweeps)
    assert law is not None
    assert not law.agrees
    assert law.worst == pytest.approx(1 / 8)


def test_stays_of_microseconds_are_not_held_against_each_other() -> None:
    sweeps: Mapping[int, SweepBegun] = {0: SweepBegun("abatch", True)}
    short = level(8, 8)
    calls = [
        (number, replace(call, left_ns=(call.entered_ns or 0) + 30_000))
        for number, call in short.calls
    ]
    assert littles_law([Repeats(short.cell, short.taken, calls)], sweeps) is None


def test_the_knee_is_of_medians_where_no_round_has_both() -> None:
    """In a short study a level may be made in one round, and the next in another."""
    one, eight = level(1, 1), level(8, 1.2, busy=1.0)
    early = Repeats(one.cell, [t for t in one.taken if t.round < 3],
                    [(n, call) for n, call in one.calls if n < 3])  # fmt: skip
    late = Repeats(eight.cell, [t for t in eight.taken if t.round >= 3],
                   [(n, call) for n, call in eight.calls if n >= 3])  # fmt: skip
    found = sweep(SweepBegun("abatch", True), [early, late], 6)
    assert found.knee is not None
    assert (found.knee.value, found.knee.count) == (pytest.approx(1.2, rel=0.01), 1)
    assert found.limit == "client"


def test_below_the_knee_throughput_is_n_over_r() -> None:
    levels = [level(n, min(n, 16)) for n in (1, 4, 8, 16, 64)]
    found = {0: sweep(SweepBegun("abatch", True), levels, 6)}
    law = closed_loop(levels, {0: SweepBegun("abatch", True)}, found)
    assert law is not None
    assert law.cells == 3
    assert law.agrees


CURVES = st.lists(
    st.tuples(st.sampled_from([1, 2, 3, 4, 6, 8]), st.floats(0.5, 8), st.floats(0, 1)),
    min_size=1, max_size=6, unique_by=lambda made: made[0],
)  # fmt: skip


@settings(max_examples=10)
@given(CURVES, st.sampled_from([True, False]), st.integers(1, 8), st.randoms())
def test_the_order_in_which_cells_were_made_says_nothing(
    made: list[tuple[int, float, float]], own: bool, threads: int, order: Random
) -> None:
    cells = [level(n, min(at_once, n), busy=busy) for n, at_once, busy in made]
    told = SweepBegun("abatch", own)
    found = sweep(told, cells, threads)
    order.shuffle(cells)
    mixed = [Repeats(c.cell, c.taken[::-1], order.sample(c.calls, len(c.calls))) for c in cells]
    again = sweep(told, mixed, threads)
    assert (again.limit, again.most, again.enough) == (found.limit, found.most, found.enough)
    assert [c.max_concurrency for c in again.levels] == sorted(n for n, _, _ in made)
    rates = {n: cell.throughput.value for cell in found.levels if (n := cell.max_concurrency)}
    assert found.most is not None
    assert rates[found.most] == max(rates.values())
    assert found.enough is not None
    assert found.enough <= found.most
    assert rates[found.enough] >= 0.95 * rates[found.most]
    if found.knee is not None and 1 in rates:
        # No more calls are worked on at once than are asked for.
        assert 0 < found.knee.value <= max(rates) * 1.01
