"""Loads that were made at the same time, put together: exactly, and only where they belong so."""

import json
import subprocess
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from math import ceil
from pathlib import Path
from random import Random
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parrot_bench.course import Course
from parrot_bench.errors import UsageError
from parrot_bench.events import Call, CallsTaken, Described, Event, Observed, StudyBegun, StudyEnded
from parrot_bench.load import Level, LoadPlan, objectives
from parrot_bench.record import LoadLevel, RunDirectory, RunRecord, read_record
from parrot_bench.request import Request
from parrot_bench.running import OngoingRun
from parrot_bench.saved_runs.merging import Run, course_of, merge
from parrot_bench.studies.load.levels import levels_of
from parrot_bench.studies.load.told import LevelBegun, LevelEnded, Window
from parrot_bench.workers.shares import moved
from tests.parrot_bench.judged import by_column, level_of
from tests.parrot_bench.test_load_command import MODEL

Cli = Callable[..., "subprocess.CompletedProcess[str]"]

MS = 1_000_000
EPOCH = 1_790_000_000_000_000_000
PLAN = LoadPlan(
    levels=(Level(rate=50.0),), level_s=2.0, objectives=objectives("latency=30ms"), workers=None
)


def described() -> Described:
    from parrot_bench.measuring import Job, measure

    job = Job(request=Request(seed=1, modes=("ainvoke",), baseline="ainvoke", load=PLAN,
                              studies=("load",)), modes=("ainvoke",), traced=False)  # fmt: skip
    measurement = measure(job)
    for event in measurement:
        if isinstance(event, Described):
            measurement.close()
            return event
    raise AssertionError("the model was not described")


@pytest.fixture(scope="module")
def model() -> Described:
    return described()


def calls_of(first: int, number: int, *, begun_ns: int, every_ms: int = 20) -> list[Call]:
    """Calls that come evenly and take ever longer, so that each percentile is another call's."""
    return [
        Call(
            mode="ainvoke",
            case="",
            started_ns=begun_ns + (at := i * every_ms * MS),
            ended_ns=begun_ns + at + (5 + (first + i) % 37) * MS,
            tokens=3,
            error="" if (first + i) % 50 else "TimeoutError",
            scheduled_ns=begun_ns + at,
            rate_limited=not (first + i) % 50,
        )
        for i in range(number)
    ]


def window(begun_ns: int, epoch_ns: int, **more: Any) -> Window:
    return Window(
        begun_ns=begun_ns, ended_ns=begun_ns + 2000 * MS, busy_ns=300 * MS, in_flight=1.0, peak=2,
        lag_ns=MS, epoch_ns=epoch_ns, **more,
    )  # fmt: skip


def saved(
    path: Path, model: Described, calls: list[Call], *seen: Window, plan: LoadPlan = PLAN
) -> Path:
    """A load as it would have been saved."""
    request = Request(
        modes=("ainvoke",), baseline="ainvoke", studies=("load",), load=plan, seed=len(path.name)
    )
    directory = RunDirectory(path)
    directory.create()
    run = OngoingRun(request, directory)
    told: list[Event] = [
        model,
        StudyBegun("load"),
        Observed(
            LevelBegun(
                0,
                "ainvoke",
                plan.levels[0],
                None if plan.levels[0].closed else len(calls),
                plan.level_s,
            )
        ),
        CallsTaken(0, tuple(calls)),
        Observed(LevelEnded(0, seen)),
        StudyEnded("load"),
    ]
    for event in told:
        run.take(event)
    run.finish()
    return path


RAMP = LoadPlan(
    levels=(Level(concurrency=3, ramp_from=1),), level_s=3.0, objectives=objectives("latency=30ms")
)
STEP = 1000 * MS


def in_a_ramp(first: int, *, begun_ns: int) -> list[Call]:
    """Calls of 1, 2 and 3 callers, each of which goes on into the next step."""
    calls = []
    for caller in range(3):
        at, number = begun_ns + caller * STEP, first + 11 * caller
        while at < begun_ns + 3 * STEP:
            ended = at + (5 + number % 37) * MS
            # None ends at an edge, or with another one.
            calls.append(Call(mode="ainvoke", case="", started_ns=at, ended_ns=ended + caller,
                              tokens=3, error="" if number % 120 else "TimeoutError"))  # fmt: skip
            at, number = ended + 1000, number + 1
    return calls


def steps_from(begun_ns: int, epoch_ns: int) -> tuple[Window, ...]:
    return tuple(
        Window(begun_ns=begun_ns + n * STEP, ended_ns=begun_ns + (n + 1) * STEP,
               busy_ns=100 * MS, in_flight=n + 0.9, peak=n + 1, lag_ns=MS,
               epoch_ns=epoch_ns + n * STEP if epoch_ns else 0)
        for n in range(3)
    )  # fmt: skip


def ramped(path: Path, model: Described, calls: list[Call], begun_ns: int, epoch_ns: int) -> Path:
    return saved(path, model, calls, *steps_from(begun_ns, epoch_ns), plan=RAMP)


def within(calls: list[Call], begun_ns: int, step: int, time: str = "started_ns") -> list[Call]:
    """The calls with a time in a step of a ramp that began then."""
    first = begun_ns + step * STEP
    return [call for call in calls if first <= getattr(call, time) < first + STEP]


def level(record: RunRecord) -> LoadLevel:
    assert record.load is not None
    return record.load.levels[0]


def test_merged_is_what_one_process_would_have_found(tmp_path: Path, model: Described) -> None:
    """Percentiles of all calls; machines whose clocks count from different moments."""
    here, there = 10**12, 7 * 10**14
    ours = calls_of(0, 100, begun_ns=here)
    theirs = calls_of(3, 100, begun_ns=there)
    a = saved(tmp_path / "a", model, ours, window(here, EPOCH))
    b = saved(tmp_path / "b", model, theirs, window(there, EPOCH + 10 * MS))
    record = merge([a, b], tmp_path / "out", ("parrot-bench", "merge"))
    found = level(record)
    # One process whose clock is that of the first.
    by = here + 10 * MS - there
    both = [*ours, *calls_of(3, 100, begun_ns=there + by)]
    alone = level_of(
        LevelBegun(0, "ainvoke", Level(rate=100.0), 200, 2.0),
        both,
        LevelEnded(0, (Window(begun_ns=here, ended_ns=here + 2010 * MS),)),
        PLAN,
    )
    for name in ("latency", "service", "dispatch", "good", "errors", "calls", "completed",
                 "throughput", "goodput", "rate", "due", "rate_limited", "window_s"):  # fmt: skip
        assert getattr(found, name) == getattr(alone, name), name
    assert found.latency != level(read_record(a)).latency
    assert found.rate == 100.0
    assert (found.workers, found.epoch_ns) == (2, EPOCH)
    assert found.overlap == pytest.approx(1990 / 2010)
    assert found.busy == pytest.approx(0.15)
    assert found.in_flight == pytest.approx(2 * 2000 / 2010)
    assert record.load is not None
    assert [worker.name for worker in record.load.workers] == ["a", "b"]
    assert all(worker.offset_ns is None for worker in record.load.workers)
    calls = pl.read_parquet(tmp_path / "out" / "calls.parquet")
    assert calls.height == 200
    assert calls["worker"].value_counts().sort("worker").rows() == [("a", 100), ("b", 100)]
    assert calls["rate_limited"].sum() == found.rate_limited == 4
    # Nanoseconds stay nanoseconds.
    merged = calls.filter(pl.col("worker") == "b").sort("started_ns")
    assert [e - s for s, e in merged.select("started_ns", "ended_ns").iter_rows()] == [
        call.ended_ns - call.started_ns for call in theirs
    ]


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory, model: Described) -> RunRecord:
    """The record of a load, whatever its calls."""
    path = tmp_path_factory.mktemp("loads") / "one"
    return read_record(saved(path, model, calls_of(0, 3, begun_ns=0), window(0, EPOCH)))


LENGTHS = st.lists(st.integers(1, 40), min_size=1, max_size=20)


@given(
    st.lists(
        st.tuples(st.integers(0, 2**50), st.integers(0, 1999), LENGTHS), min_size=2, max_size=4
    ),
    st.randoms(use_true_random=False),
)
def test_no_call_is_lost_and_no_order_matters(
    one: RunRecord, made: list[tuple[int, int, list[int]]], random: Random
) -> None:
    """Clocks that count from anywhere, beginnings that are at most a level apart."""
    runs = [part(one, f"run-{n}", *each) for n, each in enumerate(made)]
    course = course_of(runs)
    found = loaded(course)
    merged = [call for _, call in course.studies["load"].samples.followed]
    # Every call has become one call, later or earlier by what its run's clock is off.
    by_run = {run.name: [call for call in merged if call.worker == run.name] for run in runs}
    for run in runs:
        own = run.calls[0]
        (by,) = {a.started_ns - b.started_ns for a, b in zip(by_run[run.name], own, strict=True)}
        assert [moved(call, -by, run.name) for call in own] == by_run[run.name]
        begun = run.result.levels[0]
        assert found.epoch_ns <= begun.epoch_ns
        assert begun.begun_ns + by == begun.epoch_ns - found.epoch_ns
    assert found.calls == len(merged) == sum(len(run.calls[0]) for run in runs)
    assert found.completed == sum(run.result.levels[0].completed for run in runs)
    assert found.rate == sum(run.result.levels[0].rate or 0 for run in runs)
    assert 0 <= (found.overlap or 0) <= 1
    lengths = sorted(c.ended_ns - c.started_ns for c in merged)
    values = [p.value for p in found.latency if p.value is not None]
    assert all(lengths[0] <= value <= lengths[-1] for value in values)
    again = random.sample(runs, len(runs))
    told_otherwise = loaded(course_of(again))
    for name in set(LoadLevel.model_fields) - {"in_flight"}:
        assert getattr(told_otherwise, name) == getattr(found, name), name
    assert told_otherwise.in_flight == pytest.approx(found.in_flight)


def loaded(course: Course) -> LoadLevel:
    (level,) = course.findings()["load"].levels
    assert isinstance(level, LoadLevel)
    return level


def part(record: RunRecord, name: str, begun_ns: int, late_ms: int, lengths: list[int]) -> Run:
    """A run that began so late, by a clock of its own, with calls of these lengths."""
    calls = [
        replace(call, ended_ns=call.started_ns + length * MS)
        for call, length in zip(calls_of(1, len(lengths), begun_ns=begun_ns), lengths, strict=True)
    ]
    told = LevelBegun(0, "ainvoke", Level(rate=50.0), len(calls), 2.0)
    ended = LevelEnded(0, (window(begun_ns, EPOCH + late_ms * MS),))
    assert record.load is not None
    assert record.model is not None
    result = record.load.model_copy(update={"levels": (level_of(told, calls, ended, PLAN),)})
    return Run(name=name, record=record, result=result, model=record.model, calls={0: calls})


def test_a_merged_ramp_is_what_one_process_would_have_found(
    tmp_path: Path, model: Described
) -> None:
    """Begun at the same moment: every figure of the calls is that of one process with all calls."""
    here, there = 10**12, 7 * 10**14
    a = ramped(tmp_path / "a", model, in_a_ramp(1, begun_ns=here), here, EPOCH)
    b = ramped(tmp_path / "b", model, in_a_ramp(8, begun_ns=there), there, EPOCH)
    record = merge([a, b], tmp_path / "out", ())
    assert record.load is not None
    # The merged run's clock counts from the first beginning.
    both = [*in_a_ramp(1, begun_ns=0), *in_a_ramp(8, begun_ns=0)]
    windows = steps_from(0, EPOCH)
    for number, each in enumerate(windows):
        each.concurrency = 2 * (number + 1)
    alone = levels_of(LevelBegun(0, "ainvoke", Level(concurrency=6, ramp_from=2), None, 3.0),
                      by_column(both), LevelEnded(0, windows), RAMP)  # fmt: skip
    assert [step.concurrency for step in record.load.levels] == [2, 4, 6]
    for found, expected in zip(record.load.levels, alone, strict=True):
        assert found.ramp
        for name in ("concurrency", "latency", "service", "good", "errors", "calls", "completed",
                     "throughput", "throughput_interval", "goodput", "tokens_per_s",
                     "output_tokens", "achieved_rate", "window_s", "verdict"):  # fmt: skip
            assert getattr(found, name) == getattr(expected, name), name
        assert found.latency
        assert found.peak == found.concurrency
        assert found.in_flight == pytest.approx(2 * expected.in_flight)
        assert (found.workers, found.overlap) == (2, 1.0)
    assert record.configuration.load is not None
    assert record.configuration.load.levels == ("2 to 6 in flight",)
    assert [worker.calls for worker in record.load.workers] == [
        len(in_a_ramp(1, begun_ns=0)), len(in_a_ramp(8, begun_ns=0)),
    ]  # fmt: skip
    assert pl.read_parquet(tmp_path / "out" / "calls.parquet").height == len(both)
    # It is a ramp as any other.
    c = ramped(tmp_path / "c", model, in_a_ramp(3, begun_ns=here), here, EPOCH)
    raw = json.loads((c / "run.json").read_text(encoding="utf-8"))
    raw["configuration"]["load"]["levels"] = ["2 to 6 in flight"]
    for number, step in enumerate(raw["load"]["levels"]):
        step["concurrency"] = 2 * (number + 1)
    (c / "run.json").write_text(json.dumps(raw), encoding="utf-8")
    again = merge([tmp_path / "out", c], tmp_path / "again", ())
    assert again.load is not None
    assert [step.calls for step in again.load.levels] == [
        len([*within(both, 0, n), *within(in_a_ramp(3, begun_ns=0), 0, n)]) for n in range(3)
    ]
    assert again.load.levels[0].workers == 3


def test_a_ramp_that_began_later_has_its_calls_in_their_own_steps(
    tmp_path: Path, model: Described
) -> None:
    here, there, later = 10**12, 7 * 10**14, 40 * MS
    ours, theirs = in_a_ramp(1, begun_ns=here), in_a_ramp(8, begun_ns=there)
    a = ramped(tmp_path / "a", model, ours, here, EPOCH)
    b = ramped(tmp_path / "b", model, theirs, there, EPOCH + later)
    record = merge([a, b], tmp_path / "out", ())
    assert record.load is not None
    for number, step in enumerate(record.load.levels):
        made = [*within(ours, here, number), *within(theirs, there, number)]
        answers = [
            call
            for call in (
                *within(ours, here, number, "ended_ns"),
                *within(theirs, there, number, "ended_ns"),
            )
            if not call.error
        ]
        assert step.calls == len(made)
        assert step.completed == sum(not call.error for call in made)
        assert step.window_s == 1.04
        assert step.throughput == pytest.approx(len(answers) / 1.04)
        latencies = sorted(call.ended_ns - call.started_ns for call in made if not call.error)
        values = {p.rank: p.value for p in step.latency}
        for rank in (0.5, 0.9):
            assert values[rank] == latencies[ceil(len(latencies) * rank) - 1]
        # Not of the moments at which one of them was a step further.
        assert step.peak == step.concurrency == 2 * (number + 1)
        assert step.overlap == pytest.approx(0.96 / 1.04)
        assert step.epoch_ns == EPOCH + number * STEP


def test_ramps_that_are_no_parts_of_one_are_refused(tmp_path: Path, model: Described) -> None:
    calls = in_a_ramp(1, begun_ns=0)
    a = ramped(tmp_path / "a", model, calls, 0, EPOCH)
    other = replace(RAMP, levels=(Level(concurrency=4, ramp_from=2),))
    b = saved(tmp_path / "b", model, calls, *steps_from(0, EPOCH), plan=other)
    words = r"levels is \('1 to 3 in flight',\) in one and \('2 to 4 in flight',\) in the other"
    with pytest.raises(UsageError, match=words):
        merge([a, b], tmp_path / "out", ())
    later = ramped(tmp_path / "later", model, calls, 0, EPOCH + 1100 * MS)
    words = "the step of 1 in flight of one was over before .* start them within 1 s of each other"
    with pytest.raises(UsageError, match=words):
        merge([a, later], tmp_path / "out", ())
    assert not (tmp_path / "out").exists()
    half = ramped(tmp_path / "half", model, calls, 0, EPOCH + 500 * MS)
    record = merge([a, half], tmp_path / "out", ())
    said = [check.sentence for check in record.trust if check.name == "workers"]
    assert any("Only 33% of a level was made by all runs" in sentence for sentence in said)


def test_a_step_that_one_run_did_not_reach_is_of_the_others(
    tmp_path: Path, model: Described
) -> None:
    calls = in_a_ramp(1, begun_ns=0)
    a = ramped(tmp_path / "a", model, calls, 0, EPOCH)
    two = within(calls, 0, 0) + within(calls, 0, 1)
    b = saved(tmp_path / "b", model, two, *steps_from(0, EPOCH)[:2], plan=RAMP)
    record = merge([a, b], tmp_path / "out", ())
    assert record.load is not None
    assert [(s.concurrency, s.overlap) for s in record.load.levels] == [
        (2, 1.0),
        (4, 1.0),
        (3, 0.0),
    ]


def test_what_was_made_by_workers_keeps_them(tmp_path: Path, model: Described) -> None:
    a = saved(tmp_path / "a", model, calls_of(0, 50, begun_ns=0), window(0, EPOCH))
    b = saved(tmp_path / "b", model, calls_of(0, 50, begun_ns=0), window(0, EPOCH))
    first = merge([a, b], tmp_path / "ab", ())
    c = saved(tmp_path / "c", model, calls_of(0, 50, begun_ns=0), window(0, EPOCH))
    # The plan of what was merged is not that of its parts.
    with pytest.raises(UsageError, match="levels is"):
        merge([tmp_path / "ab", c], tmp_path / "abc", ())
    assert first.configuration.load is not None
    assert first.configuration.load.levels == ("100/s",)
    raw = json.loads((tmp_path / "ab" / "run.json").read_text(encoding="utf-8"))
    raw["configuration"]["load"]["levels"] = ["50/s"]
    (tmp_path / "ab" / "run.json").write_text(json.dumps(raw), encoding="utf-8")
    record = merge([tmp_path / "ab", c], tmp_path / "abc", ())
    assert record.load is not None
    assert [worker.name for worker in record.load.workers] == ["ab/a", "ab/b", "c"]
    assert level(record).workers == 3
    assert level(record).calls == 150


def test_what_is_no_part_of_one_load_is_refused(tmp_path: Path, model: Described) -> None:
    calls = calls_of(0, 20, begun_ns=0)
    a = saved(tmp_path / "a", model, calls, window(0, EPOCH))

    def refused(*paths: Path) -> str:
        with pytest.raises(UsageError) as raised:
            merge(list(paths), tmp_path / "out", ())
        assert not (tmp_path / "out").exists()
        return str(raised.value)

    assert "name two or more" in refused(a)
    assert "named twice" in refused(a, tmp_path / "." / "a")
    other = LoadPlan(levels=PLAN.levels, level_s=2.0, objectives=objectives("latency=40ms"))
    b = saved(tmp_path / "b", model, calls, window(0, EPOCH), plan=other)
    assert "objectives is ('latency=30ms',) in one and ('latency=40ms',)" in refused(a, b)
    later = saved(tmp_path / "later", model, calls, window(0, EPOCH + 5000 * MS))
    assert "not made at the same time" in refused(a, later)
    old = saved(tmp_path / "old", model, calls, window(0, 0))
    assert "does not say when its levels began" in refused(a, old)


def test_unlike_machines_are_said_and_not_refused(tmp_path: Path, model: Described) -> None:
    calls = calls_of(0, 20, begun_ns=0)
    a = saved(tmp_path / "a", model, calls, window(0, EPOCH))
    b = saved(tmp_path / "b", model, calls, window(0, EPOCH + 1000 * MS))
    raw = json.loads((b / "run.json").read_text(encoding="utf-8"))
    raw["environment"]["cpu"] = "another one"
    raw["started"] = (datetime.fromisoformat(raw["started"]) + timedelta(hours=1)).isoformat()
    (b / "run.json").write_text(json.dumps(raw), encoding="utf-8")
    record = merge([a, b], tmp_path / "out", ())
    said = [check.sentence for check in record.trust if check.name == "workers"]
    assert any("b is not like a: processor another one" in sentence for sentence in said)
    assert any("Only 33% of a level was made by all runs" in sentence for sentence in said)


def test_the_command(cli: Cli, folder: Path) -> None:
    (folder / "served.py").write_text(MODEL, encoding="utf-8")
    words = ("load", "served:model", "--modes", "ainvoke", "--concurrency", "2", "--time", "1",
             "-y", "--out")  # fmt: skip
    assert cli(*words, "a", cwd=folder).returncode == 0
    assert cli("run", "served:model", "--modes", "invoke", "--studies", "overhead", "--time", "1",
               "--out", "rounds", cwd=folder).returncode == 0  # fmt: skip
    done = cli("merge", "a", "rounds", "-o", "out", cwd=folder)
    assert done.returncode == 2
    assert "rounds is no load; merge joins runs of parrot-bench load" in done.stderr
    done = cli("merge", "a", "nowhere", "-o", "out", cwd=folder)
    assert done.returncode == 2
    assert "no record at nowhere" in done.stderr
    # The same calls under another name, as another machine would have them.
    copy = folder / "b"
    copy.mkdir()
    for name in ("run.json", "calls.parquet"):
        (copy / name).write_bytes((folder / "a" / name).read_bytes())
    raw = json.loads((copy / "run.json").read_text(encoding="utf-8"))
    raw["name"] = "b"
    (copy / "run.json").write_text(json.dumps(raw), encoding="utf-8")
    done = cli("merge", "a", "b", "-o", "out", cwd=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "4 in flight" in done.stdout
    one, both = level(read_record(folder / "a")), level(read_record(folder / "out"))
    assert both.calls == 2 * one.calls
    assert both.peak == 2 * one.peak
    assert both.throughput == pytest.approx(2 * one.throughput)
    html = (folder / "out" / "report.html").read_text(encoding="utf-8")
    assert "Level by level" in html
    assert cli("report", "out", cwd=folder).returncode == 0
    assert (folder / "out" / "report.html").read_text(encoding="utf-8") == html
