"""A run that was killed at any moment is what it had told until then."""

import shutil
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parrot_bench.events import CallsTaken, Described, Event, Reply, RoundTaken, StudyBegun
from parrot_bench.journal import line_of
from parrot_bench.load import Level, LoadPlan
from parrot_bench.measuring import Job, measure
from parrot_bench.record import RunDirectory
from parrot_bench.recovering import recover
from parrot_bench.request import Request
from parrot_bench.running import OngoingRun

Told = tuple[Path, list[tuple[Event, bytes]]]
"""A run's folder as it was before its first study, and what it told, with the journal's lines."""


def told(path: Path, request: Request, seconds: float) -> Told:
    directory = RunDirectory(path)
    directory.create()
    run = OngoingRun(request, directory)
    following = measure(Job(request=request, modes=request.modes, traced=False))
    events: list[tuple[Event, bytes]] = []
    study, begun = "", monotonic()
    event = next(following)
    while True:
        if isinstance(event, Described):
            run.take(event)
        if isinstance(event, StudyBegun):
            study, begun = event.study, monotonic()
        events.append((event, line_of(event, study)))
        enough = monotonic() - begun > seconds
        try:
            event = following.send(Reply.ENOUGH if enough else Reply.GO)
        except StopIteration:
            assert len(events) > 5  # there is something to be killed in
            return path, events


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Told:
    request = Request(
        studies=("overhead", "streaming", "parity"),
        modes=("invoke", "ainvoke", "stream"),
        time_s=1.0,
        seed=3,
    )
    return told(tmp_path_factory.mktemp("runs") / "run", request, 0.5)


@pytest.fixture(scope="module")
def load(tmp_path_factory: pytest.TempPathFactory) -> Told:
    plan = LoadPlan(levels=(Level(concurrency=1), Level(concurrency=4)), level_s=0.3)
    request = Request(studies=("load",), modes=("ainvoke",), baseline="ainvoke", load=plan, seed=3)
    return told(tmp_path_factory.mktemp("loads") / "load", request, 60.0)


def killed_after(whole: Told, share: float, into: Path) -> tuple[RunDirectory, Sequence[Event]]:
    """The folder of a run that was killed when it had told so much."""
    path, events = whole
    some = events[: round(len(events) * share)]
    shutil.copytree(path, into)
    directory = RunDirectory(into)
    directory.journal.write_bytes(b"".join(line for _, line in some))
    return directory, [event for event, _ in some]


@settings(max_examples=12)
@given(st.floats(0, 1))
def test_every_round_until_then_is_in_it(run: Told, share: float) -> None:
    with TemporaryDirectory() as folder:
        directory, events = killed_after(run, share, Path(folder) / "run")
        record = recover(directory)
        rounds = [event for event in events if isinstance(event, RoundTaken)]
        calls = sum(len(event.calls) for event in events if isinstance(event, CallsTaken))
        assert record.status == "incomplete"
        assert directory.read_record() == record
        # Before anything was measured there are no tables.
        assert directory.samples.exists() == bool(rounds or calls)
        if rounds:
            found = pl.read_parquet(directory.samples)
            assert found.height == sum(len(event.blocks) for event in rounds)
        again = recover(directory)
        assert again == record


@settings(max_examples=12)
@given(st.floats(0, 1))
def test_every_call_until_then_is_in_it(load: Told, share: float) -> None:
    with TemporaryDirectory() as folder:
        directory, events = killed_after(load, share, Path(folder) / "run")
        record = recover(directory)
        taken = [event for event in events if isinstance(event, CallsTaken)]
        levels = record.load.levels if record.load else ()
        made = Counter[int]()
        for event in taken:
            made[event.number] += len(event.calls)
        assert {level.number: level.calls for level in levels} == +made
        if made.total():
            assert pl.read_parquet(directory.calls).height == made.total()
