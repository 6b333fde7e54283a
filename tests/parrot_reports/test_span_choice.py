"""Which spans a report is about."""

from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest
from generated_spans import START_NS, write_spans
from hypothesis import example, given, settings
from hypothesis import strategies as st

from parrot_bench.errors import UsageError
from parrot_reports import read_spans
from parrot_reports.spans.choice import choice, chosen
from parrot_reports.spans.lines import SCHEMA
from parrot_reports.spans.report import span_report
from parrot_reports.spans.table import SpanTable


@pytest.fixture
def table(tmp_path: Path) -> SpanTable:
    write_spans(tmp_path / "traces.jsonl", 4_000)
    return read_spans(tmp_path / "traces.jsonl")


def test_conditions_on_one_key_are_alternatives_and_on_several_all_hold(table: SpanTable) -> None:
    wish = choice(
        [
            "gen_ai.request.model=gpt-4.1",
            "gen_ai.request.model=mistral-large",
            "service.name=shop",
            "failed=false",
        ]
    )
    rows = table.frame.filter(chosen(table.frame, wish))
    assert set(rows["model"]) == {"gpt-4.1", "mistral-large"}
    assert not rows["failed"].any()
    frame = table.frame
    assert rows.height == frame.filter(pl.col("model").is_in(["gpt-4.1", "mistral-large"]),
                                       ~pl.col("failed")).height  # fmt: skip


def test_an_operation_may_be_named_as_its_instrumentation_does(table: SpanTable) -> None:
    tool = chosen(table.frame, choice(["openinference.span.kind=TOOL"]))
    assert set(table.frame.filter(tool)["operation"]) == {"execute_tool"}


@pytest.mark.parametrize(
    ("since", "until", "traces"),
    [
        ("10s", "", 500),
        ("", "+10s", 500),
        ("5s", "0.1m", 50),
        ("2026-11-24T06:00:10", "", 500),
        ("2026-11-24T07:00:10+01:00", "", 500),
        ("2026-11-24T06:00:05Z", "6000ms", 50),
    ],
)
def test_a_window_of_time(table: SpanTable, since: str, until: str, traces: int) -> None:
    assert START_NS == 1_795_500_000_000_000_000
    rows = table.frame.filter(chosen(table.frame, choice([], since, until)))
    agents = rows.filter(operation="invoke_agent")
    assert agents.height == traces


def test_traces_are_drawn_whole_whatever_is_chosen(table: SpanTable) -> None:
    report = span_report(table, "x", wish=choice(["model=gpt-4.1"]))
    assert {each.target for each in report.operations} == {"gpt-4.1"}
    assert all(trace.name == "invoke_agent cook" for trace in report.traces.slowest)
    assert all(len(trace.bars) == 4 for trace in report.traces.slowest)


@pytest.mark.parametrize(
    ("where", "since", "said"),
    [
        (["model"], "", "--where 'model' is not a condition; give key=value"),
        (["=x"], "", "is not a condition"),
        ([], "soon", "--since 'soon' is not a time; give 2026-11-22T10:30"),
        (["model=gpt-5"], "", "no span has model = gpt-5; there is "),
        (["langchain.run.outcome=x"], "", "no span has that attribute"),
        ([], "9h", "no span is left by since 9h; choose less"),
    ],
)
def test_what_leaves_nothing(table: SpanTable, where: list[str], since: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        chosen(table.frame, choice(where, since))
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


SPANS = pl.DataFrame(
    [
        {**dict.fromkeys(SCHEMA), "name": name, "model": model, "start_ns": start}
        for name, model, start in [
            ("a", "x", 0), ("b", "y", 10**9), ("a", None, 2 * 10**9), ("c", "x", 2**62),
        ]
    ],
    schema=SCHEMA,
)  # fmt: skip

TIMES = (
    st.datetimes(timezones=st.none() | st.just(UTC)).map(datetime.isoformat)
    | st.from_regex(r"\+?[0-9]{1,400}(\.[0-9]{1,3})? ?(ms|s|m|min|h|d)", fullmatch=True)
    | st.text(max_size=12)
)


@settings(max_examples=200)
@given(
    st.lists(
        st.tuples(st.sampled_from(["name", "model", "gen_ai.request.model", "error.type"]),
                  st.sampled_from(["a", "b", "x", "y", "", "c\nd", "\u202e"])), max_size=3),
    TIMES | st.just(""), TIMES | st.just(""),
)  # fmt: skip
@example([], "9" * 400 + "s", "9999-12-31")
@example([], "0001-01-01", "9" * 30 + "d")
@example([("name", "c\nd")], "", "")
def test_whatever_is_typed_chooses_some_or_is_refused_in_one_line(
    where: list[tuple[str, str]], since: str, until: str
) -> None:
    said, found = "", pl.Series([True])
    try:
        found = chosen(SPANS, choice([f"{name}={value}" for name, value in where], since, until))
    except UsageError as error:
        said = str(error)
    assert found.any()
    assert said.isprintable()
    if said:
        return
    # Each condition holds by itself, too.
    for condition in where:
        kept = [f"{n}={v}" for n, v in where if n == condition[0]]
        assert (~found | chosen(SPANS, choice(kept))).all()
    if since and until:
        both = chosen(SPANS, choice([], since)) & chosen(SPANS, choice([], "", until))
        assert (~found | both).all()


@given(st.integers(0, 10**7), st.sampled_from(["ms", "s", "m", "h", "d"]))
def test_since_and_until_part_the_spans(number: int, unit: str) -> None:
    time = f"{number}{unit}"
    parts = []
    for wish in (choice([], since=time), choice([], until=time)):
        try:
            parts.append(chosen(SPANS, wish))
        except UsageError:  # none is left
            parts.append(pl.Series([False] * SPANS.height))
    assert (parts[0] ^ parts[1]).all()
