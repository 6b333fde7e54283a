"""The journal: what is written down comes back, up to the first line that is not whole."""

from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parrot_bench.events import (
    Block,
    Call,
    CallsTaken,
    Described,
    Event,
    ModeDropped,
    Phase,
    Planned,
    PlannedMode,
    Reply,
    RoundsEnded,
    RoundTaken,
    StudyBegun,
    StudyEnded,
)
from parrot_bench.journal import journaled, line_of, read_journal
from parrot_bench.load import Level, LoadPlan
from parrot_bench.measuring import Job, measure
from parrot_bench.request import Request
from parrot_bench.studies.table import STUDIES

BLOCK = Block(0, "invoke", "mode", "", "stream", 4, 1200, 1100, None, (1, 2, 3, 4, 5))
TOLD: list[Event] = [
    StudyBegun("overhead"),
    Planned((PlannedMode("invoke", 4, 1, 1, 1, 300, None, False),), True, 0.5, 9, 3, None),
    RoundTaken(0, True, False, (BLOCK,), (("astream", "ValueError"),), 12),
    ModeDropped("astream", "ValueError: \N{PARROT} \u2028 \x00"),
    CallsTaken(1, (Call("invoke", "length 10", 5, 9, (6, 7), 3, ""),)),
    RoundsEnded("--max-calls 100"),
    StudyEnded("overhead", "because"),
]


def telling(events: list[Event], answers: list[Reply]) -> Iterator[Event]:
    for event in events:
        reply = yield event
        answers.append(reply)


def test_what_is_told_is_passed_on_answered_and_written_down(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    answers: list[Reply] = []
    following = journaled(telling([Phase("warming up"), *TOLD], answers), path)  # type: ignore[arg-type]
    passed = [next(following)]
    for reply in (Reply.GO, Reply.ENOUGH, *[Reply.GO] * (len(TOLD) - 2)):
        passed.append(following.send(reply))
        # Written before it is passed on: nobody can know of a round that a kill could take.
        assert len(path.read_bytes().splitlines()) == len(passed) - 1
    with pytest.raises(StopIteration):
        following.send(Reply.GO)
    assert passed == [Phase("warming up"), *TOLD]
    assert answers[1] is Reply.ENOUGH
    times, read = zip(*read_journal(path), strict=True)
    assert list(read) == TOLD
    assert sorted(times) == list(times)


@given(st.data())
def test_wherever_it_was_cut_the_whole_lines_are_read(data: st.DataObject) -> None:
    lines = [line_of(event) for event in TOLD]
    whole = b"".join(lines)
    cut = data.draw(st.integers(0, len(whole)))
    with TemporaryDirectory() as folder:
        path = Path(folder) / "journal.jsonl"
        path.write_bytes(whole[:cut])
        found = [event for _, event in read_journal(path)]
    ended = whole[:cut].count(b"\n")
    # A last line that lacks nothing but its end is whole.
    ended += cut + 1 in accumulate(map(len, lines))
    assert found == TOLD[:ended]


@pytest.mark.parametrize("cut", [2, 5, 40])
def test_a_line_that_was_cut_ends_it(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "journal.jsonl"
    list(journaled(telling(TOLD, []), path))  # type: ignore[arg-type]
    path.write_bytes(path.read_bytes()[:-cut])
    assert [event for _, event in read_journal(path)] == TOLD[:-1]


@pytest.mark.parametrize(
    "line",
    [
        b"[]",
        b"[" * 100_000,
        b'{"at": ' + b"9" * 400 + b', "event": "RoundsEnded", "content": {"used_up": ""}}',
        b"\xff\xfe",
        b'{"at": 1, "event": "Failed", "content": {}}',
        b'{"at": 1, "event": "Observed", "content": {}}',
        b'{"at": 1, "event": "RoundTaken", "content": {"number": "one"}}',
    ],
)
def test_what_is_no_line_of_a_journal_ends_it(tmp_path: Path, line: bytes) -> None:
    path = tmp_path / "journal.jsonl"
    list(journaled(telling(TOLD[:2], []), path))  # type: ignore[arg-type]
    with path.open("ab") as file:
        file.write(line + b"\n")
    assert [event for _, event in read_journal(path)] == TOLD[:2]


@pytest.mark.parametrize("study", STUDIES)
def test_what_a_study_tells_comes_back(tmp_path: Path, study: str) -> None:
    """Every event of a real measurement, the study's own observations among them."""
    path = tmp_path / "journal.jsonl"
    request = Request(
        studies=(study,),
        time_s=1.0,
        seed=3,
        modes=("invoke", "ainvoke", "stream", "abatch"),
        growth_calls=200,
        service_time_s=0.001,
        load=LoadPlan(levels=(Level(concurrency=2),), level_s=0.5) if study == "load" else None,
    )
    told = []
    following = measure(Job(request=request, traced=False, journal=path))
    begun = monotonic()
    event = next(following)
    while True:
        told.append(event)
        enough = monotonic() - begun > 4
        try:
            event = following.send(Reply.ENOUGH if enough else Reply.GO)
        except StopIteration:
            break
    kept = [each for each in told if not isinstance(each, Phase | Described)]
    assert [each for _, each in read_journal(path)] == kept
