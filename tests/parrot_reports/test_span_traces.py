"""Traces that are drawn: chosen from whatever spans there are."""

from collections import Counter
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from parrot_reports.spans.traces import Trace, traces
from tests.parrot_reports.rows import frame, row

SPANS = st.lists(
    st.fixed_dictionaries(
        {
            "trace_id": st.sampled_from("AB"),
            "span_id": st.sampled_from("123456"),
            # One of its own, of itself, of another trace, of another file, or none.
            "parent_id": st.sampled_from(["", "", "1", "2", "3", "4", "x"]),
            "name": st.sampled_from(["chat", "chain", "agent"]),
            "start_ns": st.integers(0, 50),
            "end_ns": st.integers(0, 50),  # a clock may have been set back
            "operation": st.sampled_from([None, "chat"]),
        }
    ),
    max_size=14,
    unique_by=lambda span: (span["trace_id"], span["span_id"]),
)
Span = dict[str, Any]


def roots_of(spans: list[Span]) -> list[Span]:
    """By hand: in a trace with a GenAI span, what has no parent in this table."""
    about = {span["trace_id"] for span in spans if span["operation"]}
    known = {(span["trace_id"], span["span_id"]) for span in spans}
    return [
        span
        for span in spans
        if span["trace_id"] in about and (span["trace_id"], span["parent_id"]) not in known
    ]


def below(root: Span, spans: list[Span]) -> set[str]:
    own = [span for span in spans if span["trace_id"] == root["trace_id"]]
    found = {root["span_id"]}
    while more := {s["span_id"] for s in own if s["parent_id"] in found} - found:
        found |= more
    return found


def length(span: Span) -> int:
    return int(span["end_ns"] - span["start_ns"])


@settings(max_examples=40)
@given(SPANS, st.randoms())
def test_roots_are_counted_and_the_slowest_and_the_ordinary_are_drawn(
    spans: list[Span], order: Random
) -> None:
    table = frame(*(row(**span) for span in spans))
    found = traces(table, table.filter(operation="chat"))
    roots = roots_of(spans)
    assert found.number == len(roots)
    assert len(found.slowest) == min(5, len(roots))
    slowest = sorted(map(length, roots), reverse=True)[:5]
    named = Counter(span["name"] for span in roots)
    kinds = {each.name: each for each in found.kinds}
    assert len(kinds) == len(found.kinds)
    assert {name: each.alike for name, each in kinds.items()} == dict(named)
    assert [each.alike for each in found.kinds] == sorted(named.values(), reverse=True)
    for name, each in kinds.items():
        alike = sorted(map(length, (span for span in roots if span["name"] == name)))
        assert each.bars[0].end == max(0, alike[len(alike) // 2])
    assert [each.bars[0].end for each in found.slowest] == [max(0, each) for each in slowest]
    for each in (*found.slowest, *found.kinds):
        _is_whole(each, spans, roots)
    order.shuffle(spans)
    again = frame(*(row(**span) for span in spans))
    assert traces(again, again.filter(operation="chat")) == found


def _is_whole(trace: Trace, spans: list[Span], roots: list[Span]) -> None:
    """Every span below its root is drawn once, and nothing else."""
    names = Counter(bar.name for bar in trace.bars)
    fitting = [
        below(root, spans)
        for root in roots
        if (root["trace_id"], root["name"]) == (trace.trace_id, trace.name)
    ]
    own = {span["span_id"]: span for span in spans if span["trace_id"] == trace.trace_id}
    assert names in [Counter(own[each]["name"] for each in ids) for ids in fitting]
    assert trace.left_out == 0
    assert trace.bars[0].depth == 0
    assert all(bar.depth > 0 for bar in trace.bars[1:])
    assert trace.length >= max(bar.end for bar in trace.bars)


def test_what_does_not_fit_is_counted() -> None:
    many = [row(span_id=str(n), parent_id="" if n == 0 else "0") for n in range(40)]
    table = frame(*many)
    (one,) = traces(table, table).kinds
    assert (len(one.bars), one.left_out) == (25, 15)
    apart = frame(*(row(span_id=str(n), name=f"n{n:02}", end_ns=n) for n in range(12)))
    found = traces(apart, apart)
    assert (found.number, len(found.kinds), found.kinds_more) == (12, 8, 4)
    assert [each.name for each in found.slowest] == ["n11", "n10", "n09", "n08", "n07"]


def test_a_ring_has_no_root_and_is_not_drawn() -> None:
    ring = frame(row(span_id="1", parent_id="2"), row(span_id="2", parent_id="1"))
    assert traces(ring, ring).number == 0
    itself = frame(row(span_id="1", parent_id="1"))
    assert traces(itself, itself).slowest == ()
