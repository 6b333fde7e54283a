"""Loads that were made at the same time, put together: exactly, and only where they belong so."""

import json
import subprocess
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from parrot_bench.errors import UsageError
from parrot_bench.events import Call, CallsTaken, Described, Event, Observed, StudyBegun, StudyEnded
from parrot_bench.load import Level, LoadPlan, objectives
from parrot_bench.record import LoadLevel, RunDirectory, RunRecord, read_record
from parrot_bench.request import Request
from parrot_bench.running import OngoingRun
from parrot_bench.saved_runs.merging import merge
from parrot_bench.studies.load.told import LevelBegun, LevelEnded, Window
from tests.parrot_bench.judged import level_of
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
    path: Path, model: Described, calls: list[Call], seen: Window, plan: LoadPlan = PLAN
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
        Observed(LevelBegun(0, "ainvoke", plan.levels[0], len(calls), 2.0)),
        CallsTaken(0, tuple(calls)),
        Observed(LevelEnded(0, (seen,))),
        StudyEnded("load"),
    ]
    for event in told:
        run.take(event)
    run.finish()
    return path


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
    b = saved(tmp_path / "b", model, calls, window(0, EPOCH), other)
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
