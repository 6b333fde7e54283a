"""Which spans a report is about."""

from pathlib import Path

import polars as pl
import pytest
from generated_spans import START_NS, write_spans

from parrot_bench.errors import UsageError
from parrot_reports import read_spans
from parrot_reports.spans.choice import choice, chosen
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
