"""What spans hold is text on the page, in the comment and in the data, and counted once."""

import json
import re
from dataclasses import replace
from decimal import Decimal
from functools import cache
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parrot_reports.spans.data import spans_json
from parrot_reports.spans.markdown import spans_markdown
from parrot_reports.spans.page import render_spans
from parrot_reports.spans.prices import Price
from parrot_reports.spans.report import SpanReport, span_report
from parrot_reports.spans.table import Malformed, SpanTable
from tests.parrot_reports.markup import (
    HOSTILE,
    PageParts,
    comment_parts,
    harmless,
    put_into,
    seen,
    swapped,
)
from tests.parrot_reports.rows import frame, row

FIELDS = (
    "file", "line's file", "reason", "passed over", "why", "signal", "condition", "service",
    "operation", "span", "model", "other model", "provider", "param", "value", "tool", "error",
    "outcome", "finish", "currency",
)  # fmt: skip
HARMLESS = harmless(FIELDS)
TEXTS = st.lists(HOSTILE, min_size=len(FIELDS), max_size=len(FIELDS))


def report(texts: dict[str, str]) -> SpanReport:
    """One of everything that a report has, with these texts in it."""
    name = texts["span"]
    called: dict[str, Any] = {
        "name": f"chat {name}", "model": texts["model"], "provider": texts["provider"],
        "service": texts["service"], "outcome": texts["outcome"], "finish": texts["finish"],
        "identity": json.dumps({texts["param"]: texts["value"]}), "input_tokens": 3,
        "output_tokens": 5,
    }  # fmt: skip
    table = SpanTable(
        frame(
            row(**called),
            row(**called, span_id="2", parent_id="1", failed=True, error=texts["error"]),
            row(span_id="3", name=f"chat {name}", model=texts["other model"], output_tokens=1),
            row(span_id="4", name=f"chat {name}"),
            row(span_id="5", trace_id="b", operation="execute_tool", name=name,
                target=texts["tool"], failed=True, error=texts["error"]),
            row(span_id="6", trace_id="c", operation=texts["operation"], name=name),
            row(span_id="7", trace_id="c", operation=None, name=name, parent_id="6"),
        ),
        (Malformed(file=texts["line's file"], line=7, reason=texts["reason"]),),
        skipped={texts["signal"]: 2},
        lines=9,
        not_read=((texts["passed over"], texts["why"]),),
    )  # fmt: skip
    one = Decimal(1)
    price = Price(input=one, cached=one, output=one, currency=texts["currency"])
    found = span_report(table, texts["file"], prices={texts["model"]: price})
    return replace(found, conditions=(f"model={texts['condition']}",))


def of_page(report: SpanReport) -> Any:
    return PageParts(render_spans(report).html).found


def of_comment(report: SpanReport) -> Any:
    return comment_parts(spans_markdown(report))


def of_data(report: SpanReport) -> Any:
    return seen(json.loads(spans_json(report)))


@cache
def of_harmless(read: Any) -> Any:
    return read(report(HARMLESS))


@pytest.mark.parametrize(
    ("read", "not_there"),
    [
        (of_page, set()),
        (of_comment, {"file", "service", "outcome", "finish", "param", "value", "provider"}),
        (of_data, set()),
    ],
)
def test_every_text_is_somewhere(read: Any, not_there: set[str]) -> None:
    written = json.dumps(of_harmless(read))
    assert {field for field in FIELDS if HARMLESS[field] not in written} == not_there


def hostile_texts_stay_texts(read: Any, hostile: list[str]) -> None:
    texts = {
        text: put_into(text, other) for text, other in zip(HARMLESS.values(), hostile, strict=True)
    }
    put = {field: texts[text] for field, text in HARMLESS.items()}
    assert swapped(read(report(put)), {}) == swapped(of_harmless(read), texts)


@settings(max_examples=7)  # one a tenth of a second, of which each has twenty texts
@given(TEXTS)
def test_no_text_from_a_span_is_markup_of_the_page(hostile: list[str]) -> None:
    hostile_texts_stay_texts(of_page, hostile)


@settings(max_examples=30)
@given(TEXTS)
def test_no_text_from_a_span_is_markup_of_the_comment(hostile: list[str]) -> None:
    hostile_texts_stay_texts(of_comment, hostile)


@settings(max_examples=30)
@given(TEXTS)
def test_every_text_from_a_span_is_in_the_data(hostile: list[str]) -> None:
    hostile_texts_stay_texts(of_data, hostile)


SPANS = st.lists(
    st.fixed_dictionaries(
        {
            "trace_id": st.sampled_from(["a", "b"]),
            "parent_id": st.sampled_from(["", "0", "1", "2"]),
            "name": st.sampled_from(["chat m", "GET"]),
            "service": st.sampled_from([None, "shop", "till"]),
            "operation": st.sampled_from(["chat", "chat", "execute_tool", None]),
            "model": st.sampled_from([None, "m", "n"]),
            "failed": st.booleans(),
            "error": st.sampled_from([None, "E"]),
            "outcome": st.sampled_from([None, "completed"]),
            "output_tokens": st.none() | st.integers(0, 99),
            "first_chunk_s": st.none() | st.floats(0, 1e-6),
            "start_ns": st.integers(0, 50),
            "end_ns": st.integers(0, 5_000),
        }
    ),
    min_size=1, max_size=30,
)  # fmt: skip


@settings(max_examples=20)
@given(SPANS, st.data(), st.randoms())
def test_every_span_is_counted_once_wherever_and_however_often_it_is_there(
    spans: list[dict[str, Any]], data: st.DataObject, order: Random
) -> None:
    rows = [row(**span, span_id=str(number)) for number, span in enumerate(spans)]
    again = data.draw(st.lists(st.sampled_from(rows), max_size=5))
    mixed = [*rows, *again]
    order.shuffle(mixed)
    one = json.loads(spans_json(span_report(SpanTable(frame(*rows)), "x")))
    other = json.loads(spans_json(span_report(SpanTable(frame(*mixed)), "x")))
    assert other["read"].pop("repeated") == len(again)
    assert one["read"].pop("repeated") == 0
    assert [note for note in other.pop("notes") if "more than once" not in note] == one.pop("notes")
    assert one == other
    assert one["read"]["spans"] == len(rows)
    genai = [span for span in spans if span["operation"] is not None]
    assert one["read"]["genai_spans"] == len(genai)
    assert sum(each["spans"] for each in one["operations"]) == len(genai)
    for failed in (
        sum(each["failed"] for each in one["operations"]),
        sum(each["number"] for each in one["failures"]),
    ):
        assert failed == sum(span["failed"] for span in genai)
    calls = sum(span["operation"] == "chat" for span in spans)
    counts = [one["totals"]["calls"], sum(one["outcomes"].values())]
    counts += [sum(one["finish_reasons"].values()), sum(each["calls"] for each in one["models"])]
    counts += [sum(one["over_time"]["started"])] if one["over_time"] else []
    assert {*counts} == {calls}


@settings(max_examples=10)
@given(st.integers(1, 45))
def test_the_comment_says_how_much_of_a_list_it_leaves_out(number: int) -> None:
    rows = [
        row(
            span_id=str(n), operation="chat", model=f"model-{n}", name=f"chat model-{n}",
            failed=True, error=f"Error{n}", input_tokens=1, output_tokens=1,
        )
        for n in range(number)
    ]  # fmt: skip
    said = spans_markdown(span_report(SpanTable(frame(*rows)), "x"))
    more = f" and {number - 20} more" if number > 20 else ""
    for line, each in ((r"By model: (.*)\.", "; "), (r"Failed spans: (.*)\.", ", ")):
        listed = re.findall(line, said)[0]
        assert listed.endswith(more)
        assert len(listed.removesuffix(more).split(each)) == min(number, 20)
    assert (" more" in said) == (number > 20)
