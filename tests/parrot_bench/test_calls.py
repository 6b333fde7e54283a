"""Calls by column are the calls that were taken in, wherever the columns lie."""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parrot_bench import calls as calls_module
from parrot_bench import columns
from parrot_bench.calls import NONE, CallTable
from parrot_bench.events import Call, CallsTaken
from parrot_bench.samples import Samples, write_tables

TIMES = st.integers(0, 2**62)
MAYBE = st.none() | TIMES
CALLS = st.builds(
    Call,
    mode=st.sampled_from(["invoke", "astream"]),
    case=st.text(max_size=3),
    started_ns=TIMES,
    ended_ns=TIMES,
    chunks_ns=st.lists(TIMES, max_size=4).map(sorted).map(tuple),
    tokens=st.none() | st.integers(0, 2**31 - 1),
    error=st.sampled_from(["", "ValueError"]),
    entered_ns=MAYBE,
    left_ns=MAYBE,
    scheduled_ns=MAYBE,
    rate_limited=st.booleans(),
    input_tokens=st.none() | st.integers(0, 2**31 - 1),
)
TAKEN = st.lists(
    st.builds(CallsTaken, number=st.integers(0, 2), calls=st.lists(CALLS, max_size=4).map(tuple)),
    max_size=4,
)


@pytest.fixture(autouse=True, scope="module", params=[False, True], ids=["in memory", "on disk"])
def spread(request: pytest.FixtureRequest) -> Iterator[None]:
    """As few calls as a test makes lie in a file, too, and are looked at in several parts."""
    with pytest.MonkeyPatch.context() as patched:
        if request.param:
            patched.setattr(columns, "KEPT", 3)
            patched.setattr(calls_module, "_ROWS", 2)
        yield


def filled(taken: list[CallsTaken]) -> CallTable:
    table = CallTable()
    for each in taken:
        table.add_all(each)
    return table


@given(TAKEN)
def test_what_was_taken_in_comes_out(taken: list[CallsTaken]) -> None:
    table = filled(taken)
    expected = [(each.number, call) for each in taken for call in each.calls]
    assert list(table) == expected
    assert len(table) == len(expected)


@given(TAKEN)
def test_the_arrays_of_a_round_are_its_calls(taken: list[CallsTaken]) -> None:
    found = filled(taken).of_round(1)
    calls = [call for each in taken if each.number == 1 for call in each.calls]
    assert len(found) == len(calls)
    assert found.ended.tolist() == [call.ended_ns for call in calls]
    assert found.due.tolist() == [
        call.started_ns if call.scheduled_ns is None else call.scheduled_ns for call in calls
    ]
    assert found.first.tolist() == [next(iter(call.chunks_ns), NONE) for call in calls]
    assert found.last.tolist() == [(call.chunks_ns or (NONE,))[-1] for call in calls]
    assert found.chunks.tolist() == [len(call.chunks_ns) for call in calls]
    assert found.longest.tolist() == [
        max((b - a for a, b in pairwise(call.chunks_ns)), default=NONE) for call in calls
    ]
    assert found.tokens.tolist() == [NONE if c.tokens is None else c.tokens for c in calls]
    assert found.errors.tolist() == [call.error for call in calls]
    assert found.rate_limited.tolist() == [call.rate_limited for call in calls]


@given(TAKEN)
def test_the_table_has_a_row_a_call(taken: list[CallsTaken]) -> None:
    calls = [call for each in taken for call in each.calls]
    frames = list(filled(taken).frames())
    if not calls:
        assert frames == []
        return
    frame = pl.concat(frames)
    assert frame["chunks_ns"].to_list() == [list(call.chunks_ns) for call in calls]
    for name in ("mode", "case", "error", "tokens", "entered_ns", "scheduled_ns", "rate_limited"):
        assert frame[name].to_list() == [getattr(call, name) for call in calls]


def test_no_call_is_a_file_all_the_same(tmp_path: Path) -> None:
    write_tables([Samples("load")], tmp_path / "samples.parquet", tmp_path / "calls.parquet")
    assert pl.read_parquet(tmp_path / "calls.parquet").height == 0
