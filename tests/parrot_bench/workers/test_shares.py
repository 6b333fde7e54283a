"""What each of several workers is to do, and what becomes of one that died."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from parrot_bench.events import Call
from parrot_bench.load import Level, LoadPlan
from parrot_bench.measuring import Job
from parrot_bench.request import Request
from parrot_bench.studies.load.orders import Part
from parrot_bench.studies.load.told import WORKER_LOST, LevelBegun, LevelEnded, Window
from parrot_bench.workers.shares import (
    job_of,
    lost_arrivals,
    lost_callers,
    merged,
    moved,
    peak,
)
from tests.parrot_bench.judged import by_column, level_of

WORKERS = st.integers(1, 9)
MS = 1_000_000


def called(at_ns: int, length_ns: int, worker: str = "worker-0", **more: object) -> Call:
    call = Call("ainvoke", "", at_ns, at_ns + length_ns, scheduled_ns=at_ns, worker=worker)
    return replace(call, **more)  # type: ignore[arg-type]


@given(st.integers(0, 10_000), WORKERS)
def test_parts_add_up_to_the_whole(whole: int, of: int) -> None:
    shares = [Part(which, of).share(whole) for which in range(of)]
    assert sum(shares) == whole
    assert max(shares) - min(shares) <= 1


@given(
    st.floats(0.5, 200), WORKERS, st.integers(0, 2**31), st.sampled_from(["poisson", "constant"])
)
def test_all_arrivals_together_are_the_one_schedule(
    rate: float, of: int, seed: int, arrivals: str
) -> None:
    plan = LoadPlan(levels=(), level_s=2.0, arrivals=arrivals)  # type: ignore[arg-type]
    schedule = list(plan.schedule(Level(rate=rate), seed))
    parts = [list(Part(w, of).every(plan.schedule(Level(rate=rate), seed))) for w in range(of)]
    assert sorted(at for part in parts for at in part) == schedule
    assert all(part == sorted(part) for part in parts)


@given(st.integers(1, 1000), WORKERS)
def test_no_call_beyond_the_bound(most: int, of: int) -> None:
    job = Job(request=Request(max_calls=most, command=("parrot-bench", "secret")))
    own = [job_of(job, f"worker-{w}", w, of).request for w in range(of)]
    assert sum(request.max_calls or 0 for request in own) == most
    assert not any(request.command for request in own)


def test_a_moved_call_keeps_everything_but_its_clock() -> None:
    call = Call(
        mode="astream", case="c", started_ns=100, ended_ns=200, chunks_ns=(150, 160), tokens=3,
        error="E", scheduled_ns=90, rate_limited=True,
    )  # fmt: skip
    there = moved(call, 40, "worker-1")
    assert (there.started_ns, there.ended_ns, there.chunks_ns, there.scheduled_ns) == (
        60, 160, (110, 120), 50,
    )  # fmt: skip
    assert replace(moved(there, -40, ""), worker="") == call


def test_what_a_dead_worker_did_not_tell_of_is_lost() -> None:
    lost = lost_arrivals("ainvoke", [10, 20, 30], {10}, 25, "worker-0")
    assert [(c.scheduled_ns, c.ended_ns, c.error) for c in lost] == [
        (20, 25, WORKER_LOST),  # it was in flight when the worker died
        (30, 30, WORKER_LOST),  # it was never made
    ]
    assert len(lost_callers("ainvoke", 3, 25, "worker-0")) == 3


def test_lost_calls_are_failed_and_say_nothing_of_delays() -> None:
    answered = [called(number * 10 * MS, 5 * MS) for number in range(100)]
    lost = lost_arrivals(
        "ainvoke", [number * 10 * MS + 1 for number in range(100)], (), 300 * MS, "worker-1"
    )
    window = Window(ended_ns=1000 * MS)
    plan = LoadPlan(levels=(), level_s=1.0)
    begun = LevelBegun(0, "ainvoke", Level(rate=200.0), 200, 1.0)
    level = level_of(begun, [*answered, *lost], LevelEnded(0, (window,)), plan)
    assert (level.calls, level.completed, level.lost) == (200, 100, 100)
    assert level.errors == {WORKER_LOST: 100}
    assert level.good.value == 0.5
    assert level.verdict == "client-bound"
    assert level.reason == "a worker was lost, and 100 calls of it were not answered"
    assert level.achieved_rate == 100.0
    assert level.workers == 2
    alone = level_of(begun, answered, LevelEnded(0, (window,)), plan)
    assert level.latency == alone.latency
    assert [each.count for each in level.dispatch] == [100] * len(level.dispatch)


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(1, 20)), max_size=30))
def test_the_peak_is_that_of_every_moment(calls: list[tuple[int, int]]) -> None:
    made = by_column([called(at, length) for at, length in calls])
    by_moment = [sum(a <= at < a + length for a, length in calls) for at in range(80)]
    assert peak(made.started, made.ended) == max(by_moment, default=0)


def test_what_all_workers_saw_together() -> None:
    calls = [called(0, 40), called(0, 60, "worker-1"), called(50, 100, "worker-1")]
    windows = [
        Window(begun_ns=0, ended_ns=100, busy_ns=30, lag_ns=7),
        Window(begun_ns=0, ended_ns=80, busy_ns=40, lag_ns=9),
    ]
    window = merged(windows, by_column(calls), 0)
    assert (window.ended_ns, window.peak, window.lag_ns) == (100, 2, 9)
    assert window.in_flight == (40 + 60 + 50) / 100  # what goes on after the window is not in it
    assert window.busy_ns == 50  # of the busiest, over the whole of the level
