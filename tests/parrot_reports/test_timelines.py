"""Spans as bars."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parrot_bench.record import RunRecord
from parrot_reports.rundata import read_run
from parrot_reports.spans import table as spans
from parrot_reports.timelines import Bar, Timeline, bars_of, timelines
from tests.parrot_reports.rows import frame, row

MakeRun = Callable[..., Path]


def table(*rows: dict[str, Any]) -> spans.SpanTable:
    return spans.SpanTable(frame(*rows))


def test_no_spans_no_timelines(record: RunRecord) -> None:
    assert timelines(spans.empty(), record) == ()


def test_one_call_of_each_mode_and_one_batch_of_those_that_batch(make_run: MakeRun) -> None:
    run = read_run(make_run())
    lines = {line.mode: line for line in timelines(run.spans, run.record)}
    assert len(lines) == 12
    assert (lines["invoke"].calls, lines["invoke"].shown_of) == (1, 5)
    assert (lines["batch"].calls, lines["batch"].shown_of) == (16, 16)
    assert lines["stream"].bars[0].first_chunk is not None
    assert lines["invoke"].bars[0].first_chunk is None
    for line in lines.values():
        assert line.bars[0].start == 0
        assert max(bar.end for bar in line.bars) == line.length


@pytest.mark.parametrize(
    ("starts_and_ends", "peak"),
    [
        ([(0, 10), (10, 20), (20, 30)], 1),
        ([(0, 30), (5, 20), (21, 25)], 2),
        ([(0, 9), (1, 9), (2, 9)], 3),
        ([(0, 0)], 0),
    ],
)
def test_the_most_calls_at_once(starts_and_ends: list[tuple[int, int]], peak: int) -> None:
    bars = tuple(
        Bar(name="chat", start=a, end=b, first_chunk=None, depth=0, failed=False)
        for a, b in starts_and_ends
    )
    inside = Bar(name="POST", start=0, end=30, first_chunk=None, depth=1, failed=False)
    line = Timeline(
        mode="batch", bars=(*bars, inside), length=30, calls=len(bars), shown_of=len(bars)
    )
    assert line.peak == peak


def _traced(record: RunRecord) -> RunRecord:
    assert record.reconciliation is not None
    one = record.reconciliation.modes[0].model_copy(update={"trace_id": "A"})
    found = record.reconciliation.model_copy(update={"modes": (one,)})
    return record.model_copy(update={"reconciliation": found})


def test_spans_inside_a_call_follow_it(record: RunRecord) -> None:
    (line,) = timelines(
        table(
            row(span_id="m", mode="invoke", operation=None),
            row(span_id="1", parent_id="m", start_ns=100, end_ns=200, first_chunk_s=5.0),
            row(span_id="2", parent_id="1", name="POST", start_ns=120, end_ns=110),
        ),
        _traced(record),
    )
    assert [(bar.name, bar.depth, bar.start, bar.end) for bar in line.bars] == [
        ("chat", 0, 0, 100),
        ("POST", 1, 20, 20),
    ]
    # A first chunk after the end of its own call is no first chunk.
    assert line.bars[0].first_chunk is None


def test_a_ring_of_parents_ends(record: RunRecord) -> None:
    found = timelines(
        table(
            row(span_id="m", mode="invoke", parent_id="1"),
            row(span_id="1", parent_id="m"),
            row(span_id="1", parent_id="m"),
        ),
        _traced(record),
    )
    assert len(found) == 1


TRACES = st.lists(
    st.tuples(st.sampled_from("abcdef"), st.sampled_from(["", *"abcdefx"]),
              st.integers(0, 100), st.integers(0, 100), st.none() | st.floats(0, 200)),
    min_size=1, max_size=8,
)  # fmt: skip


@given(TRACES)
def test_every_span_below_is_drawn_once_and_inside(
    made: list[tuple[str, str, int, int, float | None]],
) -> None:
    rows = sorted(
        (row(span_id=own, parent_id=parent, start_ns=start, end_ns=end,
             first_chunk_s=None if first is None else first / 1e9)
         for own, parent, start, end, first in made),
        key=lambda one: one["start_ns"],
    )  # fmt: skip
    first = rows[0]
    bars, length = bars_of([first], rows)
    # Walked by hand: what is reached from the first, each id once, rings and twins as they come.
    reached, edge = {first["span_id"]}, [first["span_id"]]
    while edge:
        inside = {r["span_id"] for r in rows if r["parent_id"] in edge}
        edge = list(inside - reached)
        reached |= inside
    assert len(bars) == len(reached)
    assert length >= 1
    for bar in bars:
        assert 0 <= bar.start <= bar.end <= length
        assert bar.first_chunk is None or bar.start <= bar.first_chunk <= bar.end
        assert 0 <= bar.depth < len(rows)
    assert bars[0].depth == 0
